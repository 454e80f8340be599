"""Forms of users and organizations."""

"""Pages of authentication, profiles and organizations."""

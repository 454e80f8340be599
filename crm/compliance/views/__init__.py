"""The audit and legal holds in the settings."""

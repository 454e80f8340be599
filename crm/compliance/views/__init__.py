"""Settings pages of the audit and legal holds."""

"""Services of the audit, by noun."""

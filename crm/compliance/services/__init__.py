"""Verbs of the audit, by noun."""

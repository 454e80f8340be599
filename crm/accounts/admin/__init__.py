"""The operator's view of organizations, people, and what they get in with."""

from crm.accounts.admin import access, impersonating, people, proofs, tenants

__all__ = ["access", "impersonating", "people", "proofs", "tenants"]

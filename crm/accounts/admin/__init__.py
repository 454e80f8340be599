"""Admin of organizations, users and their credentials."""

from crm.accounts.admin import access, impersonating, people, proofs, tenants

__all__ = ["access", "impersonating", "people", "proofs", "tenants"]

"""Admin of organizations, users and their credentials."""

from crm.accounts.admin import access, credentials, impersonation, organizations, users

__all__ = ["access", "credentials", "impersonation", "organizations", "users"]

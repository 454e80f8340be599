"""Admin of users and of what they log in with."""

from crm.authentication.admin import allauth, impersonation, sessions_and_keys, users

__all__ = ["allauth", "impersonation", "sessions_and_keys", "users"]

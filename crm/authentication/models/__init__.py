"""Log-ins and credentials: sessions, tokens, API keys, impersonations, and the log-in rules."""

from crm.authentication.models.api_key import ApiKey, ApiKeySecret
from crm.authentication.models.impersonation import Impersonation, ImpersonationEndReason
from crm.authentication.models.refresh_token import RefreshToken, TokenFamily
from crm.authentication.models.session import EndReason, SecuritySettings, UserSession

__all__ = [
    "ApiKey",
    "ApiKeySecret",
    "EndReason",
    "Impersonation",
    "ImpersonationEndReason",
    "RefreshToken",
    "SecuritySettings",
    "TokenFamily",
    "UserSession",
]

"""Verification of second factors sent with a password, for clients without pages.

A TOTP code is accepted once within its validity, on pages and by programs alike.
"""

import hashlib
import hmac
from contextlib import suppress

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.core.cache import cache

from crm.authentication.errors import OtpInvalid, OtpRequired
from crm.core import ratelimit
from crm.core.redis_circuit_breaker import insisting
from crm.organizations.models import User

_BY_CODE = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)


def check_code(*, user: User, code: str) -> Authenticator | None:
    """Raise OtpRequired or OtpInvalid unless the code is valid, where the user has a second factor.

    Each code is valid once. Return the factor that it is of, None where there was none to show.
    """
    if not is_mfa_enabled(user):
        return None
    if not code:
        raise OtpRequired
    ratelimit.enforce("second_factor", {"user": user.pk})
    if was_used(user, code):
        raise OtpInvalid
    factors = Authenticator.objects.filter(user=user, type__in=_BY_CODE)
    # A time-based code first: a recovery code is spent by looking.
    for factor in sorted(factors, key=lambda each: _BY_CODE.index(each.type)):
        # A factor that is removed at this moment does not count any more.
        with suppress(Authenticator.DoesNotExist):
            if factor.wrap().validate_code(code):
                factor.record_usage()
                mark_code_used(user, code)
                return factor
    raise OtpInvalid


def was_used(user: User, code: str) -> bool:
    """Return whether this code was already used.

    allauth remembers it for one period; with the clock tolerance a code is valid for longer.
    """
    with insisting():
        return cache.get(_used_key(user, code)) is not None


def mark_code_used(user: User, code: str) -> None:
    """Store a valid code as used for as long as it would be accepted."""
    periods = 2 * settings.MFA_TOTP_TOLERANCE + 1
    with insisting():
        cache.set(_used_key(user, code), 1, periods * app_settings.TOTP_PERIOD)


def _used_key(user: User, code: str) -> str:
    material = f"{user.pk}|{normalize_user_code(code)}".encode()
    digest = hmac.new(settings.SECRET_KEY.encode(), material, hashlib.sha256).hexdigest()
    return f"code-used:{digest[:32]}"

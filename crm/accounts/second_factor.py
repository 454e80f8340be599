"""The second factor of a log-in that has no page: a code sent along with the password."""

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled

from crm.accounts.errors import OtpInvalid, OtpRequired
from crm.accounts.models import User
from crm.core import ratelimit

_BY_CODE = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)


def check_code(*, user: User, code: str) -> None:
    """Refuse who has a second factor and shows no code of it; each code is good once."""
    if not is_mfa_enabled(user):
        return
    if not code:
        raise OtpRequired
    ratelimit.enforce("second_factor", {"user": user.pk})
    factors = Authenticator.objects.filter(user=user, type__in=_BY_CODE)
    # A time-based code first: a recovery code is spent by looking.
    for factor in sorted(factors, key=lambda each: _BY_CODE.index(each.type)):
        if factor.wrap().validate_code(code):
            factor.record_usage()
            return
    raise OtpInvalid

"""Log-in stages between password and session."""

import time

from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from django.http import HttpRequest, HttpResponse

# Who showed password or provider in this browser, although their address is not confirmed yet.
_SHOWN_KEY = "credentials_shown_for"
_CONFIRMED_KEY = "confirmed_address"
# On a browser that others use, too, it is not shown for longer.
CONFIRMED_SECONDS = 600


class AddressStage(EmailVerificationStage):
    """Continue only with a verified address; accounts that an operator created count as
    verified.
    """

    def handle(self) -> tuple[HttpResponse | None, bool]:
        if self.login.user is not None:
            vouch_for_address(self.login.user)
        response, goes_on = super().handle()
        if response is not None and self.login.user is not None:
            self.request.session[_SHOWN_KEY] = str(self.login.user.pk)
        return response, goes_on


def showed_credentials(request: HttpRequest, user: object) -> bool:
    """Return whether this browser signed up for, or logged in to, an unverified account."""
    return bool(request.session.get(_SHOWN_KEY) == str(user.pk))  # type: ignore[attr-defined]


def remember_confirmed(request: HttpRequest, email: str) -> None:
    """Store in the session which address was just verified in this browser."""
    request.session[_CONFIRMED_KEY] = {"email": email, "at": int(time.time())}


def confirmed_address(request: HttpRequest) -> str:
    """Return the address that this browser verified recently, to prefill its log-in form.

    It cannot be requested for any other address.
    """
    kept = request.session.get(_CONFIRMED_KEY)
    if not isinstance(kept, dict) or kept["at"] + CONFIRMED_SECONDS < time.time():
        return ""
    return str(kept["email"])


def has_proved_address(user: object) -> bool:
    """Return whether an account has a verified address."""
    return EmailAddress.objects.filter(user=user, verified=True).exists()


def vouch_for_address(user: object) -> None:
    """Mark the address of an account that an operator created as verified.

    An account from the sign-up form has an unverified row from the start.
    """
    if not EmailAddress.objects.filter(user=user).exists():
        EmailAddress.objects.get_or_create(
            user=user,
            email=user.email,  # type: ignore[attr-defined]
            defaults={"primary": True, "verified": True},
        )

"""Log-in stages between password and session."""

import time
from uuid import uuid4

from allauth.account.internal.flows.login import clear_authentication_records
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from django.http import HttpRequest, HttpResponse

from crm.authentication.first_step import store_first_step

# Whose sign-up was sent from this browser, although the address is not confirmed yet.
_SHOWN_KEY = "credentials_shown_for"
_MADE_KEY = "account_verified_email"
_CONFIRMED_KEY = "confirmed_address"
# On a browser that others use, too, it is not shown for longer.
CONFIRMED_SECONDS = 600


class AddressStage(EmailVerificationStage):
    """Continue only with a verified address; accounts that an operator created count as
    verified.

    A sign-up leaves the same session behind whether or not it made an account.
    """

    def handle(self) -> tuple[HttpResponse | None, bool]:
        if self.login.user is not None:
            vouch_for_address(self.login.user)
        response, goes_on = super().handle()
        if response is not None:
            shown = self.login.user.pk if self.login.user is not None else uuid4()
            self.request.session[_SHOWN_KEY] = str(shown)
            # Left by allauth where an account was made, and of no use before its address is proved.
            clear_authentication_records(self.request)
            self.request.session.pop(_MADE_KEY, None)
        elif self.login.user is not None:
            # The first stage of every way in: a password, a passkey or a provider was shown.
            store_first_step(self.request, self.login.user)
        return response, goes_on


def showed_credentials(request: HttpRequest, user: object) -> bool:
    """Return whether this browser signed up for an unverified account."""
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


def is_unproved(email: str) -> bool:
    """Return whether the account of this address has addresses, and none that is verified.

    Its password and its providers open nothing: else whoever signs up with somebody's address would
    learn from them whether it had an account before.
    """
    rows = EmailAddress.objects.filter(user__email=email).values_list("verified", flat=True)
    verified = list(rows)
    return bool(verified) and not any(verified)


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

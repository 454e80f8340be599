"""Log-in: attempts are counted before any password is hashed."""

import logging
from contextlib import suppress

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib.auth import authenticate, logout
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from crm.authentication import login_throttling
from crm.authentication.allauth.stages import is_unproved
from crm.authentication.errors import WrongCredentials
from crm.authentication.login_throttling import Attempt
from crm.authentication.signals import log_in_refused
from crm.core import ratelimit
from crm.organizations.models import User

logger = logging.getLogger(__name__)

_ATTEMPT_KEY = "log_in_attempt"


def log_in(request: HttpRequest, *, email: str, password: str, target: str) -> HttpResponse:
    """Check the credentials and continue with the next step: verification, second factor,
    ``target``.

    Raise WrongCredentials, TooManyLogIns (``retry_after`` in its extra) or StoreUnavailable:
    without the counters log-in is closed.
    """
    user, attempt = check_credentials(request, email=email, password=password, method="page")
    # Until they are in: the second factor may be asked for on another page.
    request.session[_ATTEMPT_KEY] = {"user": str(user.pk), **attempt.kept()}
    login = Login(user=user, email=user.email, redirect_url=target)
    return perform_password_login(request, {"email": user.email}, login)


def check_credentials(
    request: HttpRequest, *, email: str, password: str, method: str
) -> tuple[User, Attempt]:
    """Return the user of these credentials and the counted attempt.

    Unknown, wrong, deactivated and unverified accounts raise the same error after the same time.
    """
    email = User.objects.normalize_email(email)
    address = ratelimit.client_address(request)
    try:
        ratelimit.enforce("log_in", {"address": address})
    except ratelimit.RateLimitExceeded as refusal:
        raise login_throttling.too_many(refusal.extra["retry_after"]) from refusal
    attempt = login_throttling.count_attempt(email=email, address=address)
    user = authenticate(request, username=email, password=password)
    # Asked about every address, so that the time tells nothing either.
    is_closed = is_unproved(email)
    if is_closed or not isinstance(user, User):
        logger.info(
            "A log-in was refused.", extra={"metadata": {"action": "authentication.log_in"}}
        )
        log_in_refused.send_robust(sender=User, email=email, address=address, method=method)
        raise WrongCredentials
    return user, attempt


def take_attempt(request: HttpRequest, user: User) -> Attempt | None:
    """Return and clear the pending password attempt of a user who is about to be logged in.

    None after a log-in by invitation, passkey or provider, which is not counted.
    """
    kept = request.session.pop(_ATTEMPT_KEY, None)
    if not isinstance(kept, dict) or kept.pop("user", "") != str(user.pk):
        return None
    return Attempt(**kept)


def credentials_were_right(user: User, attempt: Attempt | None) -> None:
    """Reset the failures once the log-in is complete, including the second factor."""
    if attempt is not None:
        # What Redis cannot forget now it forgets by itself in an hour.
        with suppress(RedisError):
            login_throttling.count_success(attempt)
    logger.info(
        "Somebody logged in.",
        extra={"metadata": {"action": "authentication.log_in", "user_id": str(user.pk)}},
    )


def log_out(request: HttpRequest) -> None:
    """End the session, and with it its sockets."""
    logout(request)

"""The door: attempts are counted before any password is hashed."""

import logging
from contextlib import suppress

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib.auth import authenticate, logout
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

from config import limits
from crm.accounts import lock_out
from crm.accounts.errors import WrongCredentials
from crm.accounts.models import User
from crm.accounts.signals import log_in_refused

logger = logging.getLogger(__name__)


def log_in(request: HttpRequest, *, email: str, password: str, target: str) -> HttpResponse:
    """Check who it is, and lead them to the next step: proving address or factor, or ``target``.

    Raises WrongCredentials, TooManyLogIns (``retry_after`` in its extra) and StoreUnavailable:
    without the counters nobody logs in.
    """
    user = check_credentials(request, email=email, password=password, road="page")
    login = Login(user=user, email=user.email, redirect_url=target)
    return perform_password_login(request, {"email": user.email}, login)


def check_credentials(request: HttpRequest, *, email: str, password: str, road: str) -> User:
    """Say whose e-mail address and password these are, or refuse; the attempt is counted first.

    Unknown, wrong and switched off are told the same, after the same time.
    """
    email = User.objects.normalize_email(email)
    address = limits.client_address(request)
    try:
        limits.enforce("log_in", {"address": address})
    except limits.Refusal as refusal:
        raise lock_out.too_many(refusal.extra["retry_after"]) from refusal
    lock_out.count_attempt(email=email, address=address)
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        logger.info("A log-in was refused.", extra={"metadata": {"action": "accounts.log_in"}})
        log_in_refused.send_robust(sender=User, email=email, address=address, road=road)
        raise WrongCredentials
    return user


def credentials_were_right(request: HttpRequest, user: User) -> None:
    """Forget the failures before, once somebody is in, second factor and all."""
    # What Redis cannot forget now it forgets by itself in an hour.
    with suppress(RedisError):
        lock_out.count_success(email=user.email, address=limits.client_address(request))
    logger.info(
        "Somebody logged in.",
        extra={"metadata": {"action": "accounts.log_in", "user_id": str(user.pk)}},
    )


def log_out(request: HttpRequest) -> None:
    """End the session, and with it the live connections that were opened in it."""
    logout(request)

"""The door: attempts are counted before any password is hashed."""

import hashlib
import hmac
import logging
from contextlib import suppress

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest
from django.utils.translation import ngettext
from redis.exceptions import RedisError

from config import stores
from config.errors import StoreUnavailable
from crm.accounts.errors import TooManyLogIns, WrongCredentials
from crm.accounts.models import User

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 300
# One person's mistakes from one place, and one place trying many people.
ATTEMPTS_PER_ACCOUNT_AND_ADDRESS = 10
ATTEMPTS_PER_ADDRESS = 100


def log_in(request: HttpRequest, *, email: str, password: str) -> User:
    """Check who it is and start their session.

    Raises WrongCredentials, TooManyLogIns (``retry_after`` in its extra) and StoreUnavailable:
    without the counters nobody logs in.
    """
    email = User.objects.normalize_email(email)
    address = str(request.META.get("REMOTE_ADDR", ""))
    pair = _key(f"{email}|{address}")
    _count_attempt({pair: ATTEMPTS_PER_ACCOUNT_AND_ADDRESS, _key(address): ATTEMPTS_PER_ADDRESS})
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        logger.info("A log-in was refused.", extra={"metadata": {"action": "accounts.log_in"}})
        raise WrongCredentials
    login(request, user)
    # They are in; what is counted against them is forgotten by itself in a few minutes too.
    with suppress(RedisError):
        stores.redis().delete(pair)
    logger.info(
        "Somebody logged in.",
        extra={"metadata": {"action": "accounts.log_in", "user_id": str(user.pk)}},
    )
    return user


def log_out(request: HttpRequest) -> None:
    """End the session, and with it the live connections that were opened in it."""
    logout(request)


def _key(subject: str) -> str:
    # Hashed with our key: neither addresses nor e-mails are kept in Redis.
    digest = hmac.new(settings.SECRET_KEY.encode(), subject.encode(), hashlib.sha256)
    return f"ratelimit:{digest.hexdigest()[:32]}:login"


def _count_attempt(limits: dict[str, int]) -> None:
    try:
        pipe = stores.redis().pipeline()
        for key in limits:
            pipe.incr(key)
            pipe.expire(key, WINDOW_SECONDS, nx=True)
            pipe.ttl(key)
        answers = pipe.execute()
    except RedisError as error:
        raise StoreUnavailable from error
    waits = [
        ttl
        for limit, count, ttl in zip(limits.values(), answers[::3], answers[2::3], strict=True)
        if count > limit
    ]
    if waits:
        logger.warning(
            "Log-ins are held up: too many attempts.",
            extra={"metadata": {"action": "accounts.log_in", "retry_after": max(waits)}},
        )
        minutes = max(1, -(-max(waits) // 60))
        raise TooManyLogIns(
            ngettext(
                "Too many attempts to log in. Wait %(minutes)d minute and try again.",
                "Too many attempts to log in. Wait %(minutes)d minutes and try again.",
                minutes,
            )
            % {"minutes": minutes},
            extra={"retry_after": max(waits)},
        )

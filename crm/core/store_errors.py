"""Errors of the stores, translated to StoreUnavailable."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError
from pymongo.errors import DuplicateKeyError, PyMongoError
from redis.exceptions import RedisError

from crm.core.errors import StoreUnavailable

RETRY_SECONDS = 2


@contextmanager
def outage_refusals() -> Iterator[None]:
    """Raise StoreUnavailable, with ``retry_after``, where PostgreSQL, MongoDB or Redis is
    unavailable.
    """
    try:
        yield
    except DuplicateKeyError:
        raise
    except (OperationalError, InterfaceError, PyMongoError, RedisError) as error:
        raise StoreUnavailable(extra={"retry_after": RETRY_SECONDS}) from error
    except StoreUnavailable as refusal:
        refusal.extra.setdefault("retry_after", RETRY_SECONDS)
        raise

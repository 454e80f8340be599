"""Errors of the stores, translated to StoreUnavailable."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, OperationalError
from psycopg.errors import (
    DeadlockDetected,
    LockNotAvailable,
    SerializationFailure,
    UniqueViolation,
)
from pymongo.errors import DuplicateKeyError, PyMongoError
from redis.exceptions import RedisError

from crm.core.errors import Busy, Collided, StoreUnavailable

logger = logging.getLogger(__name__)

RETRY_SECONDS = 2


_OUTAGES = (OperationalError, InterfaceError, PyMongoError, RedisError)
_COLLISIONS = (UniqueViolation, DeadlockDetected, SerializationFailure)
# Of `Model.save` with ``update_fields``, which raises no class of its own.
_ROW_IS_GONE = "did not affect any rows"


def collision_of(error: Exception) -> Collided | None:
    """Return the refusal for a statement that another transaction's excludes, else None.

    PostgreSQL refuses one of two that would store the same, or that wait for each other; Django
    one that would change a row which is gone.
    """
    if not isinstance(error, DatabaseError):
        return None
    if not isinstance(error.__cause__, _COLLISIONS) and _ROW_IS_GONE not in str(error):
        return None
    logger.warning("Two transactions excluded each other.", exc_info=error)
    return Collided()


def outage_of(error: BaseException | None) -> StoreUnavailable | None:
    """Return the refusal for an error of a store that does not answer, else None.

    A connection that is not free in time is one of them. A lock that is not free in time is Busy.
    """
    if isinstance(error, DuplicateKeyError) or not isinstance(error, _OUTAGES):
        return None
    if isinstance(error.__cause__, LockNotAvailable):
        return Busy(extra={"retry_after": RETRY_SECONDS})
    return StoreUnavailable(extra={"retry_after": RETRY_SECONDS})


@contextmanager
def outage_refusals() -> Iterator[None]:
    """Raise StoreUnavailable, with ``retry_after``, where PostgreSQL, MongoDB or Redis is
    unavailable.
    """
    try:
        yield
    except _OUTAGES as error:
        if (refusal := outage_of(error)) is None:
            raise
        raise refusal from error
    except StoreUnavailable as refusal:
        refusal.extra.setdefault("retry_after", RETRY_SECONDS)
        raise

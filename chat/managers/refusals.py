"""How trouble of MongoDB is told."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import DuplicateKeyError, PyMongoError

from crm.core.errors import StoreUnavailable


@contextmanager
def mongo_refusals() -> Iterator[None]:
    """Tell an unreachable MongoDB as a refusal that may be retried."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        raise StoreUnavailable from error

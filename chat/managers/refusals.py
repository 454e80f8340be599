"""MongoDB errors translated to the app's errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import DuplicateKeyError, PyMongoError

from crm.core.errors import StoreUnavailable


@contextmanager
def mongo_refusals() -> Iterator[None]:
    """Raise StoreUnavailable, which may be retried, for MongoDB errors other than
    duplicate keys.
    """
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        raise StoreUnavailable from error

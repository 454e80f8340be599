"""The hashing of passwords, of which only some run at once in a process.

A hash takes a quarter of a second of a core by design. Whoever sends many log-ins at once must not
hold the connections to the database, and not all threads for long.
"""

from threading import BoundedSemaphore

from django.conf import settings
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.db import connection
from django.utils.translation import gettext_noop

from crm.core.errors import AppError

AT_ONCE = 4
_places = BoundedSemaphore(AT_ONCE)


class TooManyHashes(AppError):
    code = "too_busy"
    status = 503
    message = gettext_noop(
        "Too many people are logging in at this moment. Nothing was changed; try again in a few "
        "seconds."
    )


class Hasher(BCryptSHA256PasswordHasher):
    """Django's own, a few at a time; what it stores is the same.

    Outside of a transaction the connection goes back to its pool meanwhile. Raise TooManyHashes
    where others take longer than PASSWORD_HASH_PATIENCE seconds.
    """

    def encode(self, password: str, salt: str) -> str:
        if not connection.in_atomic_block:
            connection.close()
        if not _places.acquire(timeout=settings.PASSWORD_HASH_PATIENCE):
            raise TooManyHashes(extra={"retry_after": 5})
        try:
            return super().encode(password, salt)
        finally:
            _places.release()

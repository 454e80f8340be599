"""Encryption of second-factor secrets at rest."""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_PREFIX = "sealed:"


def seal(text: str) -> str:
    return _PREFIX + _keys(_material()).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Decrypt what was encrypted with any of our keys. Raise ImproperlyConfigured."""
    try:
        return _keys(_material()).decrypt(sealed.removeprefix(_PREFIX).encode()).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured(
            "A second factor was sealed with a key that is not in CREDENTIAL_KEYS. Add that key "
            "after the first one."
        ) from error


def _material() -> tuple[str, ...]:
    if settings.CREDENTIAL_KEYS:
        return tuple(settings.CREDENTIAL_KEYS)
    derived = hmac.new(settings.SECRET_KEY.encode(), b"credentials at rest", hashlib.sha256)
    return (base64.urlsafe_b64encode(derived.digest()).decode(),)


@lru_cache(maxsize=4)
def _keys(material: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in material])

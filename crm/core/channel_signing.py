"""Channel messages in Redis, signed for exactly one channel.

A message names a method of a consumer, so anyone who can write to Redis could act as any client. A
message without a valid signature is dropped.
"""

import hashlib
import hmac
from functools import lru_cache

from django.conf import settings

_SEAL_BYTES = 16


def seal(channel: str, message: bytes) -> bytes:
    """Return a message as it is published on a channel, signed."""
    return _seal_of(channel, message) + message


def unseal(channel: str, sealed: bytes) -> bytes | None:
    """Return the verified message of a channel, None for an invalid signature."""
    given, message = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
    return message if hmac.compare_digest(given, _seal_of(channel, message)) else None


def _seal_of(channel: str, message: bytes) -> bytes:
    signed = channel.encode() + b"\0" + message
    return hmac.digest(_key(settings.SECRET_KEY), signed, "sha256")[:_SEAL_BYTES]


@lru_cache(maxsize=4)
def _key(secret_key: str) -> bytes:
    return hashlib.sha256(f"channel layer\n{secret_key}".encode()).digest()

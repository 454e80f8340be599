"""Sessions in PostgreSQL, with a signed copy in the cache.

A copy is accepted only with this installation's signature for exactly this session: write access to
Redis is not enough to create or swap sessions. Redis keys do not reveal session keys.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any, TypeGuard

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.core import signing
from django.core.cache.backends.base import BaseCache

from crm.core.redis_circuit_breaker import insisting

_PREFIX = "session:"
_SALT = "crm.core.sessions"
# The form of every key that Django makes.
_KEY = re.compile(f"[{VALID_KEY_CHARS}]{{32}}")


def is_session_key(key: object) -> TypeGuard[str]:
    """Return whether a value has the form of a session key; no other one is looked up."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


class SessionStore(CachedStore):
    # Of Django's own, which its types do not tell.
    _cache: BaseCache
    _session: dict[str, Any]
    _get_or_create_session_key: Callable[[], str]
    _get_session_from_db: Callable[[], Any]

    @property
    def cache_key(self) -> str:
        return cache_key_of(self._get_or_create_session_key())

    def load(self) -> dict[str, Any]:
        data = self._opened(self._cache.get(self.cache_key))
        if data is None:
            stored = self._get_session_from_db()
            if stored is None:
                return {}
            data = self.decode(stored.session_data)
            self._keep(data, self.get_expiry_age(expiry=stored.expire_date))
        return data

    def exists(self, session_key: str | None) -> bool:
        # The database alone: a copy that somebody else left must not take a key.
        return is_session_key(session_key) and super(CachedStore, self).exists(session_key)

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  Django's signature
        super(CachedStore, self).save(must_create)
        with insisting():
            self._keep(self._session, self.get_expiry_age())

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if is_session_key(key):
            super(CachedStore, self).delete(key)
            with insisting():
                self._cache.delete(cache_key_of(key))

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()

    async def aexists(self, session_key: str | None) -> bool:
        return await sync_to_async(self.exists)(session_key)

    async def asave(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  Django's signature
        await sync_to_async(self.save)(must_create)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)

    def _validate_session_key(self, key: object) -> bool:
        return is_session_key(key)

    def _keep(self, data: dict[str, Any], seconds: int) -> None:
        signed = signing.dumps(data, salt=self._salt(), serializer=self.serializer)
        self._cache.set(self.cache_key, signed, seconds)

    def _opened(self, signed: Any) -> dict[str, Any] | None:
        """Return the session of a copy, or None without a valid signature for this session."""
        if not isinstance(signed, str):
            return None
        try:
            data = signing.loads(signed, salt=self._salt(), serializer=self.serializer)
        except (signing.BadSignature, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def _salt(self) -> str:
        return f"{_SALT}:{self.session_key}"


def cache_key_of(session_key: str) -> str:
    """Return the cache key of a session's copy."""
    return _PREFIX + hashlib.sha256(session_key.encode()).hexdigest()

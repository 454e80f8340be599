"""A cache whose Redis hangs is waited for once, and then by nobody for a while."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django_redis.cache import RedisCache
from redis import Redis
from redis.connection import AbstractConnection

from crm.core import redis_circuit_breaker
from crm.core.redis_circuit_breaker import insisting
from tests.relays import Relay, relayed

SECONDS = 0.3


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Relay, RedisCache]]:
    """Yield a relay to Redis and the cache of the settings, connected through it."""
    options: dict[str, Any] = {"SOCKET_TIMEOUT": SECONDS, "SOCKET_CONNECT_TIMEOUT": SECONDS}
    with relayed(settings.REDIS_URL) as (relay, url):
        given: Any = settings.CACHES["default"]["OPTIONS"]
        cache = RedisCache(url, {"OPTIONS": {**given, **options}})
        client = Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)
        monkeypatch.setattr(redis_circuit_breaker, "client", lambda: client)
        monkeypatch.setattr(redis_circuit_breaker, "_ask_again_at", None)
        yield relay, cache
        relay.thaw()
        cache.delete("key")
        cache.client.get_client().connection_pool.disconnect()
        client.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gains one entry for each wait for a reply of Redis."""
    found: list[str] = []
    read = AbstractConnection.read_response

    def noted(connection: AbstractConnection, *options: Any, **named: Any) -> Any:
        found.append("waited")
        return read(connection, *options, **named)

    monkeypatch.setattr(AbstractConnection, "read_response", noted)
    return found


def hang_once(way: Relay, cache: RedisCache) -> None:
    """Open the circuit breaker by one read that times out, then resume Redis."""
    way.freeze()
    assert cache.get("key") is None
    way.thaw()


def test_a_hanging_cache_is_waited_for_once(
    relay: tuple[Relay, RedisCache], waits: list[str]
) -> None:
    way, cache = relay
    cache.set("key", "kept")
    way.freeze()
    waits.clear()
    assert cache.get("key") is None
    assert len(waits) == 1
    assert [cache.get("key"), cache.get_many(["key"]), cache.add("key", 1)] == [None, {}, None]
    cache.set_many({"key": "other"})
    assert len(waits) == 1


def test_what_must_not_be_missed_is_written_as_soon_as_redis_is_back(
    relay: tuple[Relay, RedisCache],
) -> None:
    way, cache = relay
    cache.set("key", "old")
    hang_once(way, cache)
    cache.set("key", "skipped")
    with insisting():
        assert cache.get("key") == "old"
        cache.set_many({"key": "over"})
        assert cache.get("key") == "over"


def test_a_cache_that_answers_again_is_used_again(
    relay: tuple[Relay, RedisCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    way, cache = relay
    cache.set("key", "kept")
    hang_once(way, cache)
    monkeypatch.setattr(redis_circuit_breaker, "_ask_again_at", 0.0)
    assert cache.get("key") == "kept"

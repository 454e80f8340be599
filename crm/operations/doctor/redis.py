"""Redis or Valkey: version, and a key written and read back."""

import uuid

from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as TooSlow

from crm.operations.doctor.diagnosis import (
    SECONDS,
    CheckFailed,
    Diagnosis,
    examined,
    place,
    unreachable,
    wrong_url,
)

_STORE = "redis"
_MIN_VERSION = 7


def examine_redis(url: str) -> Diagnosis:
    return examined(_STORE, url, lambda diagnosis: _look(diagnosis, url))


def _look(diagnosis: Diagnosis, url: str) -> None:
    diagnosis.server = "Redis"
    try:
        client = Redis.from_url(
            url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, decode_responses=True
        )
    except ValueError as reason:
        raise wrong_url(_STORE) from reason
    try:
        _describe(client, diagnosis)
        _write_and_read(client)
        diagnosis.written = True
    except AuthenticationError as reason:
        raise _wrong_password(url) from reason
    except (NoConnection, TooSlow) as reason:
        raise unreachable(_STORE, url, str(reason)) from reason
    except ResponseError as reason:
        raise _refused(url, reason) from reason
    except RedisError as reason:
        raise unreachable(_STORE, url, "") from reason
    finally:
        client.close()


def _describe(client: Redis, diagnosis: Diagnosis) -> None:
    about = client.info("server")
    diagnosis.reachable = True
    diagnosis.server = "Valkey" if "valkey_version" in about else "Redis"
    diagnosis.version = str(about.get("valkey_version") or about["redis_version"])
    if int(str(about["redis_version"]).partition(".")[0]) < _MIN_VERSION:
        raise CheckFailed(
            f"{diagnosis.server} {diagnosis.version} is too old.",
            f"Upgrade it to version {_MIN_VERSION} or later.",
        )
    diagnosis.has.append(f"version {_MIN_VERSION} or later")


def _write_and_read(client: Redis) -> None:
    key = f"doctor:{uuid.uuid4().hex}"
    client.set(key, "written", ex=60)
    found = client.get(key)
    client.delete(key)
    if found != "written":
        raise CheckFailed("Redis did not give back what was written.", "Look at its log.")


def _wrong_password(url: str) -> CheckFailed:
    return CheckFailed(
        f"Redis at {place(url)} does not accept this password, or asks for one.",
        "Correct it in REDIS_URL (or REDIS_PASSWORD).",
    )


def _refused(url: str, reason: ResponseError) -> CheckFailed:
    words = str(reason)
    if "NOAUTH" in words or "WRONGPASS" in words or "no password is set" in words:
        return _wrong_password(url)
    if isinstance(reason, ReadOnlyError):
        return CheckFailed(
            "Redis is a read-only replica.", "Name the primary in REDIS_URL instead."
        )
    if words.startswith("MISCONF"):
        return CheckFailed(
            "Redis cannot save to its disk and refuses to write.", "Free some space there."
        )
    if isinstance(reason, OutOfMemoryError):
        return CheckFailed("Redis has no memory left.", "Raise its maxmemory.")
    return CheckFailed("Redis refused to work.", "Look at its log, and at the rights of this user.")

"""Downloads of files that are read while they are sent: a piece at a time, when the client has read
what was sent before.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.http import StreamingHttpResponse
from redis.exceptions import RedisError

from crm.core import redis_circuit_breaker
from crm.core.jobs.errors import TooManyDownloads
from crm.core.jobs.kinds import FileInfo
from crm.core.jobs.models import starter_id
from crm.core.permissions import Principal
from crm.core.permissions.errors import ImpersonatingForbidden

# Of one person, or one API key.
MAX_AT_ONCE = 2
RETRY_SECONDS = 10
# A download of a process that was killed counts for so long after the client had to have read it.
_FORGOTTEN_SECONDS = 60


def download(
    by: Principal, fetch: Callable[[], tuple[FileInfo, Iterator[bytes]]]
) -> StreamingHttpResponse:
    """Return what ``fetch`` gives as a download.

    Before it is called, raise ImpersonatingForbidden for an operator who sees the application as
    somebody else, whatever way in and method they use: what they may fetch they fetch in their own
    name. Raise TooManyDownloads.
    """
    if by.impersonation is not None:
        raise ImpersonatingForbidden
    place = _Place(by)
    try:
        info, content = fetch()
    except BaseException:
        place.leave()
        raise
    answer = StreamingHttpResponse(_Pieces(content, place), content_type=info.content_type)
    answer["Content-Disposition"] = f'attachment; filename="{info.name}"'
    return answer


class _Place:
    """One of somebody's places for downloads. Without Redis nobody counts: each takes little."""

    def __init__(self, by: Principal) -> None:
        self._key = f"downloads:{by.kind}:{starter_id(by)}"
        self._token = uuid4().hex
        now = time.time()
        present = 0
        with suppress(RedisError), _asked() as together:
            together.zremrangebyscore(self._key, "-inf", now)
            together.zadd(self._key, {self._token: now + _lease()})
            together.expire(self._key, _lease())
            together.zcard(self._key)
            *_others, present = together.execute()
        if present > MAX_AT_ONCE:
            self.leave()
            raise TooManyDownloads(extra={"retry_after": RETRY_SECONDS})

    def keep(self) -> None:
        with suppress(RedisError), _asked() as together:
            together.zadd(self._key, {self._token: time.time() + _lease()}, xx=True)
            together.expire(self._key, _lease())
            together.execute()

    def leave(self) -> None:
        with suppress(RedisError), _asked() as together:
            together.zrem(self._key, self._token)
            together.execute()


@contextmanager
def _asked() -> Iterator[Any]:
    """Yield a pipeline to Redis. Raise RedisError where it is known not to answer."""
    with redis_circuit_breaker.guarded(), redis_circuit_breaker.client().pipeline() as together:
        yield together


def _lease() -> int:
    return int(settings.RESPONSE_READ_SECONDS) + _FORGOTTEN_SECONDS


class _Pieces:
    """A file as an asynchronous iterator, for Django, which would make a list of any other.

    Each piece is made in the thread of the response, whose connection to the database goes back to
    its pool before the piece is sent.
    """

    def __init__(self, content: Iterator[bytes], place: _Place) -> None:
        self._content, self._place = content, place

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await sync_to_async(self._next)()) is not None:
            yield piece

    def _next(self) -> bytes | None:
        self._place.keep()
        try:
            return next(self._content, None)
        finally:
            # A transaction around it all is that of a test.
            if not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()

    def close(self) -> None:
        """End the download, wherever it stands; Django calls this."""
        self._place.leave()
        close = getattr(self._content, "close", None)
        if close is not None:
            close()

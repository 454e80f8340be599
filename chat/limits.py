"""How fast one socket, and one visitor with all their sockets, may send."""

from collections import OrderedDict
from uuid import UUID

# Frames of any kind on one socket. A client that comes back sends its outbox in one go.
FRAME_BURST, FRAMES_PER_SECOND = 60.0, 20.0
# Refusals for being too fast, after which the socket is closed.
FLOOD_BURST, FLOOD_PER_SECOND = 200.0, 5.0
# Frames that the protocol does not know, after which the socket is closed.
ERROR_BURST, ERRORS_PER_SECOND = 5.0, 0.1
# Frames that wait for their turn on one socket.
MAX_RECEIVED = 120
# Messages of one visitor, however they come in.
VISITOR_BURST, VISITOR_POSTS_PER_SECOND = 60.0, 10.0
_REMEMBERED_VISITORS = 10_000


class TokenBucket:
    """``burst`` at once, ``rate`` a second for ever."""

    __slots__ = ("_burst", "_moment", "_rate", "_tokens")

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = self._tokens = burst
        self._rate = rate
        self._moment = 0.0

    def take(self, now: float) -> float:
        """Take one; give 0, or the seconds until there is one."""
        self._tokens = min(self._burst, self._tokens + (now - self._moment) * self._rate)
        self._moment = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class VisitorLimits:
    """A bucket for each of the visitors who wrote last, in this process."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[UUID, TokenBucket] = OrderedDict()

    def take(self, customer_id: UUID, now: float) -> float:
        bucket = self._buckets.pop(customer_id, None)
        if bucket is None:
            bucket = TokenBucket(VISITOR_BURST, VISITOR_POSTS_PER_SECOND)
        self._buckets[customer_id] = bucket
        while len(self._buckets) > _REMEMBERED_VISITORS:
            self._buckets.popitem(last=False)
        return bucket.take(now)

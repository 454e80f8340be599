"""Send rate of one socket; the limits of a visitor are in ``settings.RATE_LIMITS``."""

# Frames of any kind on one socket. A client that comes back sends its outbox in one go.
FRAME_BURST, FRAMES_PER_SECOND = 60.0, 20.0
# Refusals for being too fast, after which the socket is closed.
FLOOD_BURST, FLOOD_PER_SECOND = 200.0, 5.0
# Frames that the protocol does not know, after which the socket is closed.
ERROR_BURST, ERRORS_PER_SECOND = 5.0, 0.1
# Frames that wait for their turn on one socket.
MAX_RECEIVED = 120


class TokenBucket:
    """Token bucket: ``burst`` at once, ``rate`` per second."""

    __slots__ = ("_burst", "_moment", "_rate", "_tokens")

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = self._tokens = burst
        self._rate = rate
        self._moment = 0.0

    def take(self, now: float) -> float:
        """Consume one token; return 0, or the seconds until one is available."""
        self._tokens = min(self._burst, self._tokens + (now - self._moment) * self._rate)
        self._moment = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate

"""A limit within one process, of one connection."""


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

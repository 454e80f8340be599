"""Requests as a patient program makes them: again, after a pause, until they succeed."""

import asyncio
import random
from typing import Any

import httpx

from tests.chaos.records import Observed


class Refused(Exception):
    """The server said no for good."""


class Unreachable(Exception):
    """Nobody answered, as often as was asked."""


class Backoff:
    """Pauses that double, with full jitter."""

    def __init__(self, rng: random.Random, *, first: float, longest: float) -> None:
        self._rng, self._first, self._longest = rng, first, longest
        self.attempts = 0

    def next(self) -> float:
        ceiling = min(self._longest, self._first * 2**self.attempts)
        self.attempts += 1
        return self._rng.random() * ceiling


class HttpClient:
    """One person's requests, with their cookies."""

    def __init__(self, *, name: str, port: int, observed: Observed, rng: random.Random) -> None:
        self.name = name
        self._observed = observed
        self._rng = rng
        self._origin = f"http://127.0.0.1:{port}"
        self.http = httpx.AsyncClient(
            base_url=self._origin,
            trust_env=False,
            timeout=15,
            limits=httpx.Limits(max_keepalive_connections=1),
            follow_redirects=False,
        )

    async def call(
        self, method: str, path: str, *, tries: int | None = None, **options: Any
    ) -> httpx.Response:
        """Make a request until it succeeds; what does not heal by itself is a violation."""
        attempt = Backoff(self._rng, first=0.25, longest=2.0)
        made = 0
        while True:
            made += 1
            try:
                response = await self.http.request(method, path, **options)
            except httpx.HTTPError:
                response = None
            if response is not None:
                if response.status_code < 400:
                    return response
                self._observed.http_errors[response.status_code] += 1
                # 503: a store is away. 429: it was too much. Both heal by themselves.
                if response.status_code not in (503, 429):
                    answer = f"{response.status_code} {response.text[:200]}"
                    text = f"{self.name}: {method} {path}: {answer}"
                    self._observed.violation(text)
                    raise Refused(text)
            if made == tries:
                raise Unreachable(path)
            await asyncio.sleep(attempt.next())

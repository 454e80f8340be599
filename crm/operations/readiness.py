"""Readiness of the process for traffic."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Lock

from crm.core import shutdown
from crm.operations.probes import CRITICAL_STORES, Prober

KEPT_SECONDS = 5.0


@dataclass(frozen=True)
class Readiness:
    """``status`` is ready, degraded (works with reduced functions), not_ready or shutdown."""

    status: str
    stores: dict[str, bool]

    @property
    def takes_traffic(self) -> bool:
        return self.status in {"ready", "degraded"}


class ReadinessCheck:
    """Checks the stores at most once in five seconds, however many probes arrive."""

    def __init__(self, prober: Prober, clock: Callable[[], float] = time.monotonic) -> None:
        self._prober = prober
        self._clock = clock
        self._lock = Lock()
        self._stores: dict[str, bool] = {}
        self._asked_at: float | None = None

    def result(self) -> Readiness:
        with self._lock:
            now = self._clock()
            if self._asked_at is None or now - self._asked_at >= KEPT_SECONDS:
                self._stores = self._prober.ask()
                self._asked_at = now
            stores = dict(self._stores)
        if shutdown.is_draining():
            return Readiness("draining", stores)
        if not all(stores[name] for name in CRITICAL_STORES):
            return Readiness("not_ready", stores)
        return Readiness("ready" if all(stores.values()) else "degraded", stores)


@cache
def readiness_check() -> ReadinessCheck:
    """Return the process's check; created on first use, hence after any fork."""
    return ReadinessCheck(Prober())

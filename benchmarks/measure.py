"""What a measurement is: a figure, its floor of the same run, and how the load was made."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Spread:
    """Durations in milliseconds, of one kind of work; ``lost`` never came."""

    values: list[float] = field(default_factory=list)
    lost: int = 0

    def add(self, seconds: float) -> None:
        self.values.append(seconds * 1000)

    def percentile(self, percent: float) -> float:
        """Return the value that ``percent`` of the values do not exceed (nearest rank)."""
        if not self.values:
            return math.nan
        ordered = sorted(self.values)
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]

    @property
    def p95(self) -> float:
        return self.percentile(95)

    def words(self) -> str:
        return (
            f"p50 {self.percentile(50):.1f}, p95 {self.p95:.1f}, p99 {self.percentile(99):.1f}, "
            f"max {max(self.values, default=math.nan):.1f} ms, n {len(self.values)}, "
            f"lost {self.lost}"
        )


@dataclass(frozen=True)
class Figure:
    """One row of the table. ``floor_ratio`` bounds value / floor where a budget says so."""

    work: str
    value: float
    unit: str
    how: str
    budget: float | None = None
    floor: float | None = None
    floor_of: str = ""
    floor_ratio: float | None = None
    details: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def is_over(self) -> bool:
        """Whether it misses what it is held to; a figure that is not there misses it too."""
        if math.isnan(self.value):
            return True
        if self.budget is not None and self.value > self.budget:
            return True
        return (
            self.floor_ratio is not None
            and self.ratio is not None
            and self.ratio > self.floor_ratio
        )


def figure_of(work: str, spread: Spread, *, floor: Spread | None = None, **more: Any) -> Figure:
    """Make a row of a p95 beside the p95 of its floor."""
    details = spread.words()
    if floor is not None:
        details += f"; floor: {floor.words()}"
    return Figure(
        work=work,
        value=spread.p95,
        unit="ms p95",
        floor=floor.p95 if floor else None,
        details=details,
        **more,
    )


def one_by_one(call: Callable[[], object], times: int, *, warm_up: int = 5) -> Spread:
    """Time calls that follow each other; the first ones are not counted."""
    spread = Spread()
    for number in range(warm_up + times):
        began = time.perf_counter()
        call()
        if number >= warm_up:
            spread.add(time.perf_counter() - began)
    return spread


def at_rate_in_threads(
    calls: Sequence[Callable[[], object]], *, rate: float, threads: int
) -> Spread:
    """Start calls at fixed times and measure each from the moment when it was due.

    The load is open: a slow call delays no other's moment, and what waits for a thread counts.
    """
    spread = Spread()
    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter() + 0.1

        def run(call: Callable[[], object], due: float) -> float:
            call()
            return time.perf_counter() - due

        waiting = []
        for number, call in enumerate(calls):
            due = began + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            waiting.append(pool.submit(run, call, due))
        for each in waiting:
            spread.add(each.result())
    return spread


async def at_rate(calls: Sequence[Callable[[float], Awaitable[None]]], *, rate: float) -> None:
    """Start coroutines at fixed times, each told the moment when it was due.

    The load is open: a slow one delays no other's moment.
    """
    loop = asyncio.get_running_loop()
    began = loop.time() + 0.1
    running = []
    for number, call in enumerate(calls):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        running.append(asyncio.ensure_future(call(due)))
    await asyncio.gather(*running)

"""The harness counts right: percentiles, floors, budgets, losses and the table on the page."""

import asyncio
import math
import threading
from pathlib import Path

import pytest

from benchmarks.measure import Figure, Spread, at_rate, at_rate_in_threads, figure_of, one_by_one
from benchmarks.rates import Run
from benchmarks.report import BEGIN, END, write_docs
from benchmarks.world import QUICK


def spread_of(*milliseconds: float) -> Spread:
    return Spread(list(milliseconds))


def test_a_percentile_is_a_value_that_was_measured() -> None:
    spread = spread_of(*range(1, 101))
    assert [spread.percentile(percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert spread_of(7.0).p95 == 7.0
    assert math.isnan(Spread().p95)


@pytest.mark.parametrize(
    ("value", "budget", "floor", "most", "is_over"),
    [
        (99.0, 100.0, None, None, False),
        (101.0, 100.0, None, None, True),
        (30.0, 100.0, 10.0, 2.0, True),
        (20.0, 100.0, 10.0, 2.0, False),
        (1e9, None, 1.0, None, False),
        (math.nan, 100.0, None, None, True),
    ],
)
def test_a_budget_is_kept_or_not(
    *, value: float, budget: float | None, floor: float | None, most: float | None, is_over: bool
) -> None:
    figure = Figure("w", value, "ms", "h", budget=budget, floor=floor, floor_ratio=most)
    assert figure.is_over is is_over


def test_a_figure_tells_its_floor_and_what_was_lost() -> None:
    spread = Spread([10.0, 20.0], lost=3)
    figure = figure_of("work", spread, floor=spread_of(5.0), how="so")
    assert (figure.value, figure.floor, figure.ratio) == (20.0, 5.0, 4.0)
    assert "lost 3" in figure.details


@pytest.mark.asyncio
async def test_a_slow_call_delays_no_others_moment() -> None:
    gate = asyncio.Event()
    due: list[float] = []

    async def slow(moment: float) -> None:
        due.append(moment)
        await gate.wait()

    async def last(moment: float) -> None:
        due.append(moment)
        gate.set()

    # Were one waited for before the next begins, this would never end.
    await asyncio.wait_for(at_rate([slow, slow, last], rate=1000), 30)
    assert [round(moment - due[0], 6) for moment in due] == [0.0, 0.001, 0.002]


def test_what_waits_for_a_thread_counts() -> None:
    gate = threading.Event()
    calls = [lambda: gate.wait(0.2), lambda: None]
    spread = at_rate_in_threads(calls, rate=1000, threads=1)
    # The second call does nothing, yet was due while the first held the only thread.
    assert len(spread.values) == 2
    assert spread.values[1] > spread.values[0] / 2


def test_the_first_calls_are_not_counted() -> None:
    calls: list[int] = []
    spread = one_by_one(lambda: calls.append(1), 10, warm_up=3)
    assert (len(calls), len(spread.values)) == (13, 10)


def test_the_table_replaces_only_what_stands_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_docs([Figure("a message", 120.0, "ms p95", "sent", budget=100.0)], QUICK, page)
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "old" not in written
    assert "| a message | 120 ms p95 | 100: **over** |" in written
    assert "Over budget: a message." in written


def test_the_cost_of_a_message_counts_those_that_were_lost() -> None:
    run = Run(rate=10, cpu=0.02, due={"a": 1.0, "b": 2.0}, acked={"a": 1.5, "b": 2.5})
    run.seen["a"] = 1.75
    assert run.milliseconds == 10
    assert run.accepted.values == [500, 500]
    assert (run.delivered.values, run.delivered.lost) == ([750], 1)

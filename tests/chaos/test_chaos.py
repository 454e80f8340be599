"""Nothing is lost, doubled or out of order while processes are killed and connections cut."""

import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest

from config.engines.supervision import mark_owner
from tests.chaos.stack import CHECKOUT, Stack, last_json, running_engines
from tests.chaos.storm import FULL, SMALL, Report, Size, Storm

pytestmark = pytest.mark.long

_ENV = {
    "CHAT_HEARTBEAT_SECONDS": "3",
    "SWEEP_AFTER_SECONDS": "6",
    "SWEEP_EVERY_SECONDS": "3",
}


def weather(size: Size, *, seed: int, name: str) -> Report:
    """Run a storm in a folder of its own; its figures and logs are left in var/chaos/."""
    # The sweep of tests/engines_plugin.py removes folders of this name when their owner is gone.
    folder = Path(tempfile.mkdtemp(prefix="nextflow-test-chaos-"))
    mark_owner(folder)
    stack = Stack(folder, env=_ENV)
    began = time.monotonic()
    with running_engines(stack):
        world = last_json(
            stack.run("-m", "tests.chaos.inside", "prepare", "--agents", str(size.agents))
        )
        report = asyncio.run(_run(size, stack, world, seed))
    report.figures["with start and end"] = f"{time.monotonic() - began:.0f} s"
    report.figures["seed"] = seed
    results = CHECKOUT / "var" / "chaos"
    results.mkdir(parents=True, exist_ok=True)
    told = {"figures": report.figures, "failures": report.failures}
    (results / f"{name}.json").write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.write("\n".join(["", f"Chaos, {name} (seed {seed}):", *report.lines(), ""]))
    shutil.rmtree(results / f"{name}-logs", ignore_errors=True)
    shutil.copytree(folder / "log", results / f"{name}-logs")
    shutil.rmtree(folder, ignore_errors=True)
    return report


async def _run(size: Size, stack: Stack, world: dict[str, object], seed: int) -> Report:
    try:
        await stack.start()
        return await Storm(size=size, stack=stack, world=world, seed=seed).run()
    finally:
        await stack.stop()


def test_a_small_storm_loses_nothing() -> None:
    report = weather(SMALL, seed=random.SystemRandom().randrange(10**6), name="small")
    assert report.failures == []


@pytest.mark.chaos
def test_a_full_storm_loses_nothing() -> None:
    report = weather(FULL, seed=random.SystemRandom().randrange(10**6), name="full")
    assert report.failures == []

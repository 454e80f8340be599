"""A real worker on the real broker: the id arrives, the figures come back, the canary sings."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from celery.beat import Scheduler
from django.conf import settings
from django.test import Client

from config.celery import app
from crm.core import stores
from crm.core.observability.logging import bind_correlation_id
from crm.operations import canary
from crm.operations.tasks import record_canary
from tests.worker_stores import current_environment

pytestmark = [pytest.mark.usefixtures("worker_stores"), pytest.mark.django_db(transaction=True)]
CHECKOUT = Path(__file__).resolve().parent.parent.parent
WAIT_SECONDS = 120.0


def wait_for(found: Callable[[], Any], what: str, log: Path) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come; the log:\n{log.read_text()[-4000:]}")


@contextmanager
def celery(log: Path, *arguments: str) -> Iterator[Path]:
    """Run a Celery process while the block runs; its log goes to a file."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "config.celery", "--quiet", *arguments],
            cwd=CHECKOUT,
            env=os.environ
            | current_environment()
            | {
                "DJANGO_SETTINGS_MODULE": "config.settings.test",
                "LOG_LEVEL": "DEBUG",
                "SERVICE_NAME": "worker-of-a-test",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield log
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


@pytest.fixture
def worker(stores_clean: None, tmp_path: Path) -> Iterator[Path]:
    arguments = ("worker", "--queues=ai", "--pool=solo", "--without-gossip", "--without-mingle")
    with celery(tmp_path / "worker.log", *arguments) as log:
        yield log


def test_a_task_carries_the_id_of_who_queued_it(worker: Path, client: Client) -> None:
    with bind_correlation_id("request-of-a-visitor", user_id="visitor:7"):
        result = record_canary.apply_async(args=("ai",), queue="ai")

    def run() -> dict[str, Any] | None:
        told = [line for line in lines(worker) if line["metadata"].get("task_id") == result.id]
        return told[0] if told else None

    line = wait_for(run, "the task's line", worker)
    assert line["correlation_id"] == "request-of-a-visitor"
    assert line["user_id"] == "visitor:7"
    assert line["service"] == "worker-of-a-test"
    assert line["message"] == "Task operations.canary: SUCCESS"
    assert line["metadata"]["action"] == "task.run"
    assert line["metadata"]["duration_ms"] >= 0
    page = client.get("/metrics").content.decode()
    assert 'nf_task_seconds_count{state="SUCCESS",task="operations.canary"} 1.0' in page
    # Celery's own words would tell arguments and results a second time.
    assert not [told for told in lines(worker) if told["metadata"]["logger"] == "celery.app.trace"]


def test_a_task_that_nobody_traced_gets_an_id_of_its_own(worker: Path) -> None:
    result = record_canary.apply_async(args=("ai",), queue="ai")

    def run() -> list[dict[str, Any]]:
        return [line for line in lines(worker) if line["metadata"].get("task_id") == result.id]

    (line,) = wait_for(run, "the task's line", worker)
    assert len(line["correlation_id"]) == 32
    assert line["user_id"] is None


def test_a_task_that_fails_tells_where_and_not_what_it_was_given(worker: Path) -> None:
    secret = "minh.tran@example.com"
    app.send_task("operations.canary", args=[secret, "one too many"], queue="ai")

    def failed() -> list[dict[str, Any]]:
        return [line for line in lines(worker) if line["level"] == "ERROR"]

    (line,) = wait_for(failed, "the failure's line", worker)
    assert line["message"] == "Task operations.canary failed."
    assert line["metadata"]["exception"]["type"] == "builtins.TypeError"
    assert secret not in worker.read_text()
    assert "one too many" not in worker.read_text()


def test_what_beat_sends_comes_through_every_queue(stores_clean: None, tmp_path: Path) -> None:
    redis = stores.redis()
    scheduler = Scheduler(app, lazy=True)
    schedule: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE
    scheduler.merge_inplace(schedule)
    every_queue = f"--queues={','.join(canary.QUEUES)}"
    with celery(tmp_path / "worker.log", "worker", every_queue, "--pool=solo") as log:
        for entry in scheduler.schedule.values():
            if entry.task == "operations.canary":
                scheduler.apply_async(entry)
        assert canary.is_sent(redis)
        for queue in canary.QUEUES:
            seen = partial(redis.hexists, canary.KEY, queue)
            wait_for(seen, f"{queue}'s canary", log)
    assert max(canary.ages(redis).values()) < canary.STALE_SECONDS
    for queue in canary.QUEUES:
        assert canary.is_consumed(redis, queue=queue)


def test_the_schedule_covers_every_queue() -> None:
    schedule: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE
    scheduled = {
        entry["options"]["queue"]: entry["args"]
        for entry in schedule.values()
        if entry["task"] == "operations.canary"
    }
    assert scheduled == {queue: [queue] for queue in canary.QUEUES}

"""What a container engine asks: it must find the process that is alive and does nothing."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from crm.core import stores
from crm.operations import canary, healthcheck

CHECKOUT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def clean(stores_clean: None, settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the check at this test run's corner of Redis."""
    monkeypatch.setenv("REDIS_URL", settings.REDIS_URL)  # type: ignore[attr-defined]


def set_moment(field: str, *, seconds_ago: float) -> None:
    stores.redis().hset(canary.KEY, field, str(time.time() - seconds_ago))


@pytest.mark.django_db(transaction=True)
def test_web_is_healthy_while_it_answers(
    live_server: LiveServer, closed_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    port = live_server.url.rpartition(":")[2]
    assert healthcheck.main(["web", "--port", port]) == 0
    assert healthcheck.main(["web", "--port", str(closed_port)]) == 1
    assert capsys.readouterr().err == "/health does not answer: ConnectionRefusedError.\n"


def test_a_worker_that_consumes_is_healthy() -> None:
    set_moment(canary.SENT, seconds_ago=10)
    set_moment("ai", seconds_ago=9)
    assert healthcheck.main(["worker", "--queue", "ai"]) == 0


def test_a_worker_that_consumes_nothing_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    set_moment(canary.SENT, seconds_ago=1)
    set_moment("realtime", seconds_ago=1)
    set_moment("ai", seconds_ago=canary.STALE_SECONDS + 20)
    assert healthcheck.main(["worker", "--queue", "realtime"]) == 0
    assert healthcheck.main(["worker", "--queue", "ai"]) == 1
    assert capsys.readouterr().err == "What beat sent to the queue ai does not come through.\n"
    assert healthcheck.main(["worker", "--queue", "bulk"]) == 1


def test_a_silent_beat_is_not_the_workers_fault(capsys: pytest.CaptureFixture[str]) -> None:
    set_moment(canary.SENT, seconds_ago=canary.STALE_SECONDS + 600)
    set_moment("ai", seconds_ago=canary.STALE_SECONDS + 599)
    assert healthcheck.main(["worker", "--queue", "ai"]) == 0
    assert healthcheck.main(["beat"]) == 1
    assert capsys.readouterr().err == "Beat has not sent a canary for too long.\n"


def test_before_the_first_canary_only_beat_is_asked_for_it() -> None:
    assert healthcheck.main(["worker", "--queue", "ai"]) == 0
    assert healthcheck.main(["beat"]) == 1


def test_beat_is_healthy_while_it_sends() -> None:
    canary.note_sent(stores.redis())
    assert healthcheck.main(["beat"]) == 0


def test_without_redis_the_reason_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, closed_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:secret@127.0.0.1:{closed_port}/0")
    assert healthcheck.main(["beat"]) == 1
    assert capsys.readouterr().err == "Redis does not answer: ConnectionError.\n"


def test_it_loads_neither_settings_nor_apps() -> None:
    program = (
        "import sys, crm.operations.healthcheck; "
        "sys.exit('django.apps' in sys.modules or 'config.settings.base' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, check=False, timeout=60)
    assert done.returncode == 0

"""The embedded engines from the command line, and the processes that start and watch them."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from config import engines
from config.engines.paths import CHECKOUT
from config.engines.state import records
from tests.config.engine_sets import is_alive


def test_the_command_starts_shows_and_stops(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two of the four, so that it is quick; the other two are given.
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody:hidden@127.0.0.1:1/x")
    monkeypatch.setenv("MONGODB_URL", "mongodb://127.0.0.1:1/x")
    table = commanded("start")
    assert table.splitlines()[0].split() == [
        "engine", "source", "version", "url", "pid", "data", "ready",
    ]  # fmt: skip
    rows = {row["engine"]: row for row in json.loads(commanded("status", "--json"))}
    assert {name for name, row in rows.items() if row["ready"]} == {"qdrant", "valkey"}
    assert rows["database"]["url"] == "postgresql://somebody:***@127.0.0.1:1/x"
    assert "hidden" not in table
    assert commanded("stop") == "Stopped: qdrant, valkey.\n"
    assert commanded("stop") == "None ran.\n"


def commanded(*arguments: str) -> str:
    answer = io.StringIO()
    call_command("engines", *arguments, stdout=answer)
    return answer.getvalue()


def test_a_command_that_needs_stores_starts_them_and_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, url in (("DATABASE_URL", "postgresql"), ("MONGODB_URL", "mongodb")):
        monkeypatch.setenv(name, f"{url}://127.0.0.1:1/x")
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    monkeypatch.setenv("SECRET_KEY", "of-this-test")
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", "print('reached')"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "reached\n"), done.stderr
    assert done.stderr == "Starting the embedded engines: valkey.\n"
    assert engines.status()[1].ready


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_foreground_supervisor_stops_the_engines_with_itself(
    folder: Path, sign: signal.Signals
) -> None:
    with supervised_valkey() as supervisor:
        pid = records()["valkey"].pid
        supervisor.send_signal(sign)
        assert supervisor.wait(timeout=120) == 0
    assert not is_alive(pid)


def test_a_supervisor_whose_engine_dies_says_so_and_ends(folder: Path) -> None:
    with supervised_valkey() as supervisor:
        os.kill(records()["valkey"].pid, signal.SIGKILL)
        _, said = supervisor.communicate(timeout=120)
    assert supervisor.returncode == 1
    assert b"valkey ended; the others were stopped" in said


@contextlib.contextmanager
def supervised_valkey() -> Iterator["subprocess.Popen[bytes]"]:
    command = (
        "from config import engines;"
        " engines.supervise(['valkey'], when_ready=lambda: print('up', flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", command],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"up\n"
        yield supervisor


def test_engines_outlive_the_command_and_the_terminal_that_started_them(folder: Path) -> None:
    command = "from config import engines; engines.start(['valkey'])"
    starter = subprocess.Popen(
        [sys.executable, "-c", command], cwd=CHECKOUT, start_new_session=True
    )
    session = starter.pid
    starter.wait(timeout=120)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, signal.SIGHUP)
    assert os.getsid(records()["valkey"].pid) != session
    assert engines.status()[1].ready

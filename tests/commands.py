"""Processes of our own commands, forked from one that has imported the libraries."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


class Command:
    """A running command: as much of ``subprocess.Popen`` as tests need, for no child of ours."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        # Asked for once more, a process that has ended is one that nobody knows.
        with self._lock:
            if self.returncode is None:
                self.returncode = _ask({"poll": self.pid})
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


_starters: list["subprocess.Popen[bytes]"] = []
_talking = threading.Lock()


def start_command(arguments: list[str], log: Path, environment: dict[str, Any]) -> Command:
    """Start a script or a module with its arguments; what it prints goes into ``log``."""
    # Whoever waits for a word in it may look before the command has opened it.
    log.touch()
    pid = _ask({"arguments": arguments, "log": str(log), "environment": environment})
    assert pid is not None
    return Command(pid)


@pytest.fixture(scope="session", autouse=True)
def _starter_ends() -> Iterator[None]:
    """End the process that starts commands after all of them: this fixture is older than theirs."""
    yield
    while _starters:
        _starters.pop().communicate()


def _ask(question: dict[str, Any]) -> int | None:
    with _talking:
        if not _starters:
            _starters.append(_started())
        starter = _starters[0]
        assert starter.stdin is not None
        assert starter.stdout is not None
        starter.stdin.write(json.dumps(question).encode() + b"\n")
        starter.stdin.flush()
        answer: int | None = json.loads(starter.stdout.readline())
        return answer


def _started() -> "subprocess.Popen[bytes]":
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    # Whoever reads settings while the libraries are imported fails.
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.preloaded"],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )

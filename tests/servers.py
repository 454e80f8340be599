"""Real servers for tests that come in by the front door: `manage.py serve` and a Celery worker.

They see the test's own database, so a test that uses them commits: ``django_db(transaction=True)``.
A test that runs a worker uses a second set of stores (tests/worker_stores.py), and so does the
server that it gets.
"""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from tests import worker_stores as second
from tests.commands import CHECKOUT, Command, start_command
from tests.ports import free_port

# No test measures time: what a busy machine needs long for is waited for.
START_SECONDS = 180.0
STOP_SECONDS = 60.0


@dataclass
class LiveServer:
    """A running `manage.py serve`; ``log`` is the file with its log lines."""

    port: int
    process: Command
    log: Path
    _is_asked: bool = field(default=False, init=False)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def ask_to_go(self) -> None:
        """Send the signal of an init system, once.

        A second one would end it between its own end and the interpreter's, where nobody listens.
        """
        if not self._is_asked and self.process.poll() is None:
            self._is_asked = True
            self.process.terminate()

    def stop(self) -> int:
        """Ask it to go and give its exit code."""
        self.ask_to_go()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it without a chance to say anything."""
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait()


@contextmanager
def serving(
    folder: Path, *, port: int | None = None, flags: tuple[str, ...] = (), **variables: str
) -> Iterator[LiveServer]:
    """Run a server of one's own; ``variables`` go into its environment."""
    port = port or free_port()
    log = folder / f"server-{port}.log"
    process = _start(
        [str(CHECKOUT / "manage.py"), "serve", "--port", str(port), *flags], log, variables
    )
    server = LiveServer(port, process, log)
    try:
        _await_health(server)
        yield server
    finally:
        server.stop()
    forgot_whose_rows = [line for line in log.read_text().splitlines() if "tenancy.unset" in line]
    assert forgot_whose_rows == []


@contextmanager
def working(folder: Path, **variables: str) -> Iterator[Command]:
    """Run a Celery worker on every queue of the second set of stores.

    The test must use that set as well: it requests ``worker_stores``.
    """
    log = folder / "worker.log"
    arguments = ["worker", "--queues=realtime,ai,default,bulk", "--concurrency=2", "--pool=threads"]
    process = _start(
        ["celery", "--app", "config.celery", "--quiet", *arguments],
        log,
        second.environment() | variables,
    )
    try:
        _await(lambda: b"ready." in log.read_bytes(), process, log)
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def _session_server(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    with serving(tmp_path_factory.mktemp("server"), **second.first_environment()) as server:
        yield server


@pytest.fixture(scope="session")
def _session_server_of_workers(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    with serving(tmp_path_factory.mktemp("server"), **second.environment()) as server:
        yield server


@pytest.fixture
def web_server(
    request: pytest.FixtureRequest, transactional_db: None, stores_clean: None
) -> LiveServer:
    """The server that all tests of a run share; it must not be stopped or reconfigured.

    Tests that run a worker share another one, on their stores.
    """
    name = "_session_server_of_workers" if second.is_in_use() else "_session_server"
    server: LiveServer = request.getfixturevalue(name)
    return server


@pytest.fixture(scope="session")
def _session_server_without_limits(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    variables = second.first_environment() | without_limits()
    with serving(tmp_path_factory.mktemp("server"), **variables) as server:
        yield server


@pytest.fixture
def unlimited_server(
    transactional_db: None, stores_clean: None, _session_server_without_limits: LiveServer
) -> LiveServer:
    """A server that may be asked as often as a test likes; all tests of a run share it."""
    return _session_server_without_limits


@pytest.fixture(scope="module")
def _module_worker(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Command]:
    with working(tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture
def web_worker(
    transactional_db: None,
    stores_clean: None,
    worker_stores: None,
    _module_worker: Command,
) -> Iterator[None]:
    """The worker that the tests of a module share; tasks that were queued are really done."""
    yield
    second.await_idle_worker()


def without_limits() -> dict[str, Any]:
    """Give the environment of a server that may be asked as often as a test likes."""
    return {"RATE_LIMITS": ",".join(f"{name}=off" for name in settings.RATE_LIMIT_DEFAULTS)}


def database_url() -> str:
    """Give the URL of the database that the test uses."""
    return second.database_url(connection.settings_dict["NAME"])


def _start(arguments: list[str], log: Path, variables: dict[str, Any]) -> Command:
    environment = os.environ | {
        "PYTHONWARNINGS": "ignore",
        "TEST_POOL": "1",
        **second.current_environment(),
        **variables,
    }
    return start_command(arguments, log, environment)


def _await_health(server: LiveServer) -> None:
    def is_up() -> bool:
        try:
            with urllib.request.urlopen(f"{server.base_url}/health", timeout=10):
                return True
        except (urllib.error.URLError, OSError):
            return False

    _await(is_up, server.process, server.log)


def _await(is_ready: Any, process: Command, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"The server did not start:\n{log.read_text()[-3000:]}", pytrace=False)
        time.sleep(0.05)

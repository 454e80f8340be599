"""A whole installation of one's own: engines, web processes, worker and beat, to be killed at will.

It listens on loopback only, keeps everything in one folder, and ends only what it started.
"""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from config.engines.processes import identity
from config.engines.urls import OWNER_VARIABLE, URL_VARIABLES
from config.settings.rates import RATE_LIMIT_DEFAULTS
from tests.patience import PATIENCE
from tests.ports import free_port

CHECKOUT = Path(__file__).resolve().parent.parent.parent
_PARTS = ("DB_MONGODB_", "DB_POSTGRES_", "QDRANT_", "REDIS_")
_READY_SECONDS = 180.0
_STOP_SECONDS = 15.0


# All visitors of a load come from one address, and some of them write as fast as they can: their
# limits are counted, as everywhere, and never met.
PLENTY = "1000000/1/1000000"
_LIMITS_OF_A_LOAD = [
    name
    for name in RATE_LIMIT_DEFAULTS
    if name.endswith(".address") or name == "bot_question.conversation"
]


class NotReady(Exception):
    """A part of the installation did not come up; the message names its log."""


def own_environment(folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Give an environment in which no store is named: only the folder's own engines can answer."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {*URL_VARIABLES.values(), OWNER_VARIABLE}
        and not name.startswith((*_PARTS, "PYTEST_", "CHAT_"))
    }
    return kept | {
        "NEXTFLOW_VAR": str(folder),
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "DEMO_ENABLED": "0",
        "SECRET_KEY": secrets.token_urlsafe(32),
        "LOG_LEVEL": "WARNING",
        "RATE_LIMITS": ",".join(f"{name}={PLENTY}" for name in _LIMITS_OF_A_LOAD),
        "PYTHONPATH": str(CHECKOUT),
        # A warning is an error in our own tests; these processes are seen from outside.
        "PYTHONWARNINGS": "ignore",
        **extra,
    }


class Part:
    """One process that is started again whenever it ends, until it is told to go."""

    def __init__(self, name: str, argv: Sequence[str], stack: "Stack") -> None:
        self.name = name
        self.argv = list(argv)
        self.starts = 0
        self._stack = stack
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        return self._stack.folder / "log" / f"{self.name}.log"

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.starts += 1
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                env=self._stack.env,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End the process and its children with SIGKILL: they share a session of their own."""
        if self.is_running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        if self.is_running and self._process is not None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()


class Stack:
    """Web processes on ``web_ports``, a worker and beat, on engines of this folder."""

    def __init__(self, folder: Path, *, web: int = 2, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.env = own_environment(folder, env or {})
        self.web_ports = [free_port() for _ in range(web)]
        manage = [sys.executable, str(CHECKOUT / "manage.py")]
        celery = [sys.executable, "-m", "celery", "--app", "config.celery", "--quiet"]
        self.web = [
            Part(f"web-{number}", [*manage, "serve", "--port", str(port)], self)
            for number, port in enumerate(self.web_ports, 1)
        ]
        self.worker = Part(
            "worker",
            [
                *celery,
                "worker",
                "--queues=realtime,ai,default,bulk",
                "--concurrency=2",
                "--without-gossip",
                "--without-mingle",
            ],
            self,
        )
        self.beat = Part("beat", [*celery, "beat", "--pidfile="], self)
        self._keeper: asyncio.Task[None] | None = None

    @property
    def parts(self) -> list[Part]:
        return [*self.web, self.worker, self.beat]

    def run(self, *arguments: str) -> str:
        """Run a Python command inside the installation; give what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=CHECKOUT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise NotReady(
                f"{' '.join(arguments)} ended with {done.returncode}:\n"
                f"{done.stdout.decode()[-2000:]}{done.stderr.decode()[-4000:]}"
            )
        return done.stdout.decode()

    def prepare(self) -> None:
        """Start the engines and bring their stores to what this version needs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run("manage.py", "prepare")

    async def start(self, parts: Sequence[Part] | None = None, *, keep: bool = True) -> None:
        """Start the processes and wait for every web process; ``keep`` starts dead ones again."""
        for part in self.parts if parts is None else parts:
            part.start()
        for port, part in zip(self.web_ports, self.web, strict=True):
            await self._await_ready(port, part)
        if keep:
            self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        for part in self.parts:
            part.terminate()
        for part in self.parts:
            await asyncio.to_thread(part.wait, _STOP_SECONDS)

    def stop_engines(self) -> None:
        self.run("manage.py", "engines", "stop")

    def kill_engine(self, name: str) -> None:
        """End an engine of this folder with SIGKILL."""
        record = json.loads((self.folder / "engines.json").read_text())[name]
        if identity(record["pid"]) == record["started"]:
            os.kill(record["pid"], signal.SIGKILL)

    async def start_engines(self) -> None:
        await asyncio.to_thread(self.run, "manage.py", "engines", "start")

    async def _await_ready(self, port: int, part: Part) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        while not await asyncio.to_thread(is_ready, port):
            if not part.is_running or asyncio.get_running_loop().time() > deadline:
                raise NotReady(f"{part.name} is not ready:\n{part.log.read_text()[-4000:]}")
            await asyncio.sleep(0.1)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for part in self.parts:
                if part.starts and not part.is_running:
                    part.start()


@contextmanager
def running_engines(stack: Stack) -> Iterator[None]:
    """Prepare the installation; end its engines whatever happens inside."""
    try:
        stack.prepare()
        yield
    finally:
        for part in stack.parts:
            part.kill()
        stack.stop_engines()


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=PATIENCE):
            return True
    except (urllib.error.URLError, OSError):
        return False


def last_json(printed: str) -> Any:
    return json.loads(printed.strip().rpartition("\n")[2])

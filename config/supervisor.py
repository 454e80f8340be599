"""`make up`: run the engines, web server, worker and beat of a checkout together.

The running processes are described in `var/up.json`. Imports no settings: the engines come first.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from config import engines
from config.engines.private_files import open_log
from config.engines.processes import end, identity
from config.engines.state import records, write_atomically
from config.engines.stop_request import StopRequest
from config.progress import Progress

CHECKOUT = Path(__file__).resolve().parent.parent
READY_SECONDS = 90.0
STEPS = 4
DRAIN_SECONDS = 30.0


class NotStarted(Exception):
    """The product does not run; ``advice`` is the remedy."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass
class Part:
    """One process of the product; it is restarted when it exits."""

    name: str
    argv: list[str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    deaths: list[float] = field(default_factory=list)

    def start(self) -> None:
        with open_log(self.log) as output:
            self.process = subprocess.Popen(  # noqa: S603  our own command, no shell
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                env=os.environ | {"SERVICE_NAME": self.name},
                # A session of its own: Ctrl-C reaches the supervisor alone, which ends them.
                start_new_session=True,
            )

    @property
    def has_died(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def seconds_to_wait(self, now: float) -> float:
        """Return the delay before a restart: exponential for a process that keeps dying."""
        recent = [moment for moment in self.deaths if now - moment < 60]
        return min(0.2 * 2 ** max(0, len(recent) - 1), 15.0)


def up_file() -> Path:
    return engines.var_dir() / "up.json"


def running() -> dict[str, Any] | None:
    """Return the content of `var/up.json` if its supervisor is alive, else None."""
    try:
        running_state: dict[str, Any] = json.loads(up_file().read_text())
        pid, started = (
            running_state["processes"]["supervisor"],
            running_state["started"]["supervisor"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return running_state if identity(pid) == started else None


def up(*, port: int, say: Callable[[str], None], is_logged: bool = False) -> int:
    """Start everything and keep it running until a signal. Return the exit code.

    ``is_logged``: the output goes to a file, which must not contain passwords.
    """
    _refuse_second(port)
    wanted = StopRequest()
    wanted.listen(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    engines_before = {name for name, record in records().items() if record.is_alive}
    parts: list[Part] = []
    try:
        _end_leftovers()
        progress = Progress(STEPS)
        with progress.step("Starting the stores"):
            engines.start()
        parts = _parts(port)
        web, worker, beat = parts
        progress.begin("Bringing the database up to date")

        def on_schema() -> None:
            # The web server loads while the demo does; nobody was told yet where it is.
            web.start()
            progress.end()
            progress.begin("Loading the demo")

        try:
            demo = _prepare(on_schema=on_schema)
        except BaseException:
            progress.end(failed=True)
            raise
        progress.end()
        worker.start()
        base_url = f"http://localhost:{port}"
        with progress.step("Waiting for the web server"):
            _await_ready(parts, base_url, wanted)
        # Its first work is due later than anybody's first question.
        beat.start()
        if wanted.is_set():
            return 0
        _announce(parts, base_url, demo)
        say(f"Up at {base_url}." if is_logged else _summary(base_url, demo))
        _watch(parts, base_url, demo, wanted, say)
    finally:
        say("Stopping...")
        _stop(parts)
        up_file().unlink(missing_ok=True)
        started = [record for record in records() if record not in engines_before]
        engines.stop(started)
    return 0


def up_detached(*, port: int, say: Callable[[str], None]) -> int:
    """Do the same in the background and return when it is ready."""
    if (running_state := running()) is not None:
        say(_summary(running_state["base_url"], running_state))
        return 0
    _refuse_second(port)
    log = engines.var_dir() / "log" / "up.log"
    with open_log(log, anew=True) as output:
        supervisor = subprocess.Popen(  # noqa: S603  our own command, no shell
            [sys.executable, str(CHECKOUT / "manage.py"), "up", "--port", str(port), "--logged"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=CHECKOUT,
            start_new_session=True,
        )
    progress, shown = Progress(STEPS), 0
    while supervisor.poll() is None:
        running_state = running()
        lines = log.read_text(errors="replace").split("\n")[:-1]
        for line in lines[shown:]:
            progress.forward(line)
        shown = len(lines)
        if running_state is not None and running_state["processes"]["supervisor"] == supervisor.pid:
            say(_summary(running_state["base_url"], running_state))
            return 0
        time.sleep(0.1)
    progress.close()
    raise NotStarted(log.read_text(errors="replace").strip()[-2000:], f"The whole log: {log}")


def down(*, say: Callable[[str], None]) -> int:
    """Stop what `up` started in this checkout, engines included."""
    running_state = running()
    if running_state is None:
        _end_leftovers()
        stopped = engines.stop()
        say("Stopped." if stopped else "Nothing runs.")
        return 0
    end(
        running_state["processes"]["supervisor"],
        running_state["started"]["supervisor"],
        how=signal.SIGTERM,
        patience=DRAIN_SECONDS * 2,
    )
    _end_leftovers()
    engines.stop()
    say("Stopped.")
    return 0


def _refuse_second(port: int) -> None:
    if (running_state := running()) is not None:
        raise NotStarted(
            f"This checkout is already up at {running_state['base_url']}.",
            "Use it, or stop it first with `make down`.",
        )
    if not 0 < port < 65536:
        raise NotStarted(f"{port} is not a port.", "Choose one between 1 and 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise NotStarted(
                f"Port {port} cannot be used: {error.strerror}.",
                f"Choose another: make up PORT={port + 1}",
            ) from error


def _prepare(*, on_schema: Callable[[], None]) -> dict[str, Any]:
    """Migrate, create indexes and load the demo. Return the demo's log-ins and links."""
    with subprocess.Popen(  # noqa: S603  our own command, no shell
        [sys.executable, str(CHECKOUT / "manage.py"), "prepare", "--json"],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as preparing:
        running_state: dict[str, Any] = {}
        for line in preparing.stdout or ():
            running_state = json.loads(line)
            if running_state == {"migrated": True}:
                on_schema()
    if preparing.returncode != 0:
        raise NotStarted(
            "The database could not be prepared; the reason stands above.",
            "`manage.py doctor` tells which store is the trouble.",
        )
    return running_state


def _parts(port: int) -> list[Part]:
    log = engines.var_dir() / "log"
    python = sys.executable
    worker = [python, "-m", "celery", "--app", "config.celery", "--quiet"]
    return [
        Part(
            "web",
            [python, str(CHECKOUT / "manage.py"), "serve", "--port", str(port)],
            log / "web.log",
        ),
        Part(
            "worker",
            [
                *worker,
                "worker",
                "--queues=realtime,ai,default,bulk",
                "--concurrency=2",
                "--without-gossip",
                "--without-mingle",
            ],
            log / "worker.log",
        ),
        Part("beat", [*worker, "beat", "--pidfile="], log / "beat.log"),
    ]


def _await_ready(parts: list[Part], base_url: str, wanted: StopRequest) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not wanted.is_set():
        for part in parts:
            if part.has_died:
                raise NotStarted(
                    f"The {part.name} process ended: {_last_words(part.log)}",
                    f"The whole log: {part.log}",
                )
        if _is_ready(base_url):
            return
        if time.monotonic() > deadline:
            raise NotStarted(
                "The web server runs but does not become ready.",
                f"`manage.py doctor` tells which store is the trouble; the log: {parts[0].log}",
            )
        wanted.wait(0.1)


def _is_ready(base_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base_url}/ready", timeout=3):  # noqa: S310  our own URL
            return True
    except (urllib.error.URLError, OSError):
        return False


def _watch(
    parts: list[Part],
    base_url: str,
    demo: dict[str, Any],
    wanted: StopRequest,
    say: Callable[[str], None],
) -> None:
    while not wanted.wait(0.5):
        missing = engines.missing()
        if missing:
            say(f"{', '.join(missing)} ended by itself: starting it again.")
            try:
                engines.start()
            except engines.EngineFailed as failure:
                say(f"{failure} {failure.advice}")
                wanted.wait(2)
                continue
        changed = bool(missing)
        for part in parts:
            if not part.has_died:
                continue
            now = time.monotonic()
            part.deaths.append(now)
            say(f"The {part.name} process ended by itself: starting it again (see {part.log}).")
            wanted.wait(part.seconds_to_wait(now))
            if not wanted.is_set():
                part.start()
                changed = True
        if changed and not wanted.is_set():
            _announce(parts, base_url, demo)


def _announce(parts: list[Part], base_url: str, demo: dict[str, Any]) -> None:
    pids = {"supervisor": os.getpid()}
    pids |= {part.name: part.process.pid for part in parts if part.process is not None}
    pids |= {name: record.pid for name, record in records().items()}
    running_state = {
        "base_url": base_url,
        **demo,
        "processes": pids,
        # A number is given to another process sooner or later; this tells one from the other.
        "started": {name: identity(pid) for name, pid in pids.items()},
    }
    write_atomically(up_file(), json.dumps(running_state, indent=2, ensure_ascii=False) + "\n")


def _stop(parts: list[Part]) -> None:
    """Terminate all concurrently, then wait: the web server closes its sockets meanwhile."""
    asked = [part.process for part in parts if part.process and part.process.poll() is None]
    for process in asked:
        process.terminate()
    deadline = time.monotonic() + DRAIN_SECONDS
    for process in asked:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
        if process.poll() is None:
            # The worker's children are in its session: none may outlive it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _end_leftovers() -> None:
    """Stop the processes of a supervisor that was killed."""
    try:
        running_state = json.loads(up_file().read_text())
        left = [
            (running_state["processes"][name], running_state["started"][name])
            for name in ("web", "worker", "beat")
            if name in running_state["processes"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return
    for pid, started in left:
        end(pid, started, how=signal.SIGTERM, patience=DRAIN_SECONDS)
    up_file().unlink(missing_ok=True)


def _last_words(log: Path) -> str:
    with suppress(OSError), log.open("rb") as file:
        return _tail(file).strip() or "without a word"
    return "without a word"


def _tail(file: IO[bytes], size: int = 800) -> str:
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - size))
    return file.read().decode(errors="replace")


def _summary(base_url: str, running_state: dict[str, Any]) -> str:
    lines = [
        "",
        "NextFlow CRM is up.",
        "",
        f"  The demo shop, with the chat widget   {base_url}/demo/",
        f"  The agents' inbox                     {base_url}/app/inbox/",
        f"  The operator's admin                  {base_url}/admin/",
        "",
        "  Log in as:",
    ]
    logins = running_state.get("logins", [])
    width = max((len(login["email"]) for login in logins), default=0)
    lines += [
        f"    {login['email']:<{width}}   {login['password']}   ({login['role']})"
        for login in logins
    ]
    lines += ["", "  Stop with Ctrl-C, or with `make down`.", ""]
    return "\n".join(lines)

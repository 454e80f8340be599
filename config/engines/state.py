"""State of the engines of this checkout: `engines.json`, its lock, ports."""

import contextlib
import fcntl
import json
import os
import random
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from config.engines.errors import EngineFailed
from config.engines.paths import var_dir
from config.engines.processes import identity

# Below the range that systems give to outgoing connections, so that none of those takes the port
# of an engine that is being restarted.
_PORTS = range(20000, 30000)
_LOCK_SECONDS = 180.0


@dataclass(frozen=True)
class EngineRecord:
    """A started engine; ``started`` distinguishes its process from a later one with the same pid.

    ``folder`` is the set of engines it belongs to: a folder that was copied while its engines ran
    must not adopt those of the original. ``asks`` states whether it requires the passwords of
    `config.engines.secrets`: one that an earlier version started does not, and is restarted.
    """

    pid: int
    started: str
    port: int
    folder: str
    asks: bool = True

    @property
    def is_ours(self) -> bool:
        return self.folder == this_folder()

    @property
    def is_alive(self) -> bool:
        return self.is_ours and self.pid > 0 and identity(self.pid) == self.started

    @property
    def is_usable(self) -> bool:
        return self.asks and self.is_alive


def this_folder() -> str:
    return str(var_dir().resolve())


def records() -> dict[str, EngineRecord]:
    """Return the records by engine; empty if there are none.

    An engine that is missing in a lost or broken engines.json is found by its lock file.
    """
    found: dict[str, EngineRecord] = {}
    for lock in var_dir().glob("*.lock"):
        record = _parsed(lock)
        if record is not None:
            found[lock.stem] = record
    try:
        content = json.loads((var_dir() / "engines.json").read_text())
        return found | {name: _record(entry) for name, entry in content.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return found


def _parsed(path: Path) -> EngineRecord | None:
    try:
        return _record(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _record(entry: dict[str, Any]) -> EngineRecord:
    return EngineRecord(
        pid=int(entry["pid"]),
        started=str(entry["started"]),
        port=int(entry["port"]),
        folder=str(entry.get("folder", this_folder())),
        asks=entry.get("asks") is True,
    )


def write_records(current: dict[str, EngineRecord]) -> None:
    content = {name: asdict(record) for name, record in current.items()}
    write_atomically(var_dir() / "engines.json", json.dumps(content, indent=2) + "\n")


def write_atomically(path: Path, text: str) -> None:
    """Replace a file atomically, readable by its owner only."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the lock for starting and stopping engines of this checkout. Raise EngineFailed."""
    with (var_dir() / "engines.lock").open("a") as file:
        deadline = time.monotonic() + _LOCK_SECONDS
        while not _locked(file.fileno()):
            if time.monotonic() > deadline:
                raise EngineFailed(
                    "Another command has been starting or stopping the engines for minutes.",
                    advice="Wait for it or end it, then try again.",
                )
            time.sleep(0.05)
        yield


@contextlib.contextmanager
def held_folder(folder: Path, *, patience: float) -> Iterator[int]:
    """Lock a data folder for one process; return the descriptor that the process must inherit.

    The kernel releases the lock when the last process with the descriptor ends. So an engine is
    never started twice on one folder, even when its record was lost, and PostgreSQL is not
    restarted before the last child of a killed one has ended.
    """
    handle = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + patience
        while not _locked(handle):
            if time.monotonic() > deadline:
                raise EngineFailed(
                    f"Another process still uses {folder}.",
                    advice=f"Find it with `fuser {folder}.lock`, end it, then start again.",
                )
            time.sleep(0.05)
        yield handle
    finally:
        os.close(handle)


def write_holder(handle: int, record: EngineRecord) -> None:
    """Write the holding process into the lock file."""
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(asdict(record)).encode(), 0)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a port whose last connections are still timing out counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(*, preferred: int | None, taken: set[int]) -> int:
    """Return a free loopback port, ``preferred`` if possible. Raise EngineFailed."""
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    for port in random.sample(_PORTS, 200):
        if port not in taken and is_free(port):
            return port
    raise EngineFailed(
        f"No port of 127.0.0.1 between {_PORTS.start} and {_PORTS.stop - 1} is free.",
        advice="End the processes that listen there, or give the stores by their URLs.",
    )

"""Starting, finding, monitoring and stopping the embedded engines of this checkout."""

import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.engines.base import Engine
from config.engines.errors import EngineFailed
from config.engines.failures import START_MARK, reason_of_death, refused_folder
from config.engines.paths import var_dir
from config.engines.private_files import open_log
from config.engines.processes import end, identity, spawn
from config.engines.state import (
    EngineRecord,
    exclusive,
    free_port,
    held_folder,
    records,
    this_folder,
    write_holder,
    write_records,
)
from config.engines.stop_request import StopRequest
from config.engines.urls import ENGINES, StoreUrls, given_url, store_urls, without_password

_LOG_LIMIT = 10_000_000  # bytes after which a log is put aside at the next start
_ATTEMPTS = 3


@dataclass(frozen=True)
class EngineStatus:
    """The state of one store; ``source`` is "embedded" or "given" (by the environment)."""

    engine: str
    source: str
    version: str
    url: str
    pid: int | None
    data: str | None
    ready: bool


def start(only: Collection[str] | None = None) -> StoreUrls:
    """Start the engines whose store has no URL and that do not run yet; wait for them.

    ``only`` names engines (see ENGINES). When one fails, those started by this call are stopped.
    """
    chosen = list(_chosen(only))
    if not chosen:
        return store_urls()
    with refused_folder(var_dir()):
        (var_dir() / "log").mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive():
            _start(chosen)
    return store_urls()


def ensure() -> StoreUrls:
    """Start missing engines; costs one file read when all run."""
    return start() if missing() else store_urls()


def missing() -> list[str]:
    """Return the names of the engines that the stores need and that do not run."""
    known = records()
    return [
        engine.name
        for engine in _chosen(None)
        if engine.name not in known or not known[engine.name].is_usable
    ]


def stop(only: Collection[str] | None = None) -> list[str]:
    """Stop the running engines of this checkout and wait. Return their names."""
    if not records():
        return []
    with exclusive():
        running = [
            (engine, record)
            for engine in ENGINES
            if (only is None or engine.name in only)
            and (record := records().get(engine.name)) is not None
            and record.is_alive
        ]
        _end_all(running)
    return [engine.name for engine, _ in running]


def status() -> list[EngineStatus]:
    """Return how each store is served, without its password."""
    return [_status(engine) for engine in reversed(ENGINES)]


def supervise(
    only: Collection[str] | None = None, *, when_ready: Callable[[], None] | None = None
) -> None:
    """Start the engines and keep them running until a signal or until one of them exits.

    Nothing is restarted silently: an engine that exits is reported and the others are stopped.
    """
    wanted = StopRequest()
    wanted.listen(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    start(only)
    names = [engine.name for engine in _chosen(only)]
    try:
        if when_ready is not None:
            when_ready()
        while not wanted.wait(0.5):
            known = records()
            gone = [name for name in names if not known[name].is_alive]
            if gone:
                raise EngineFailed(
                    f"The engine {gone[0]} ended; the others were stopped.",
                    advice=f"Its last words are in {var_dir() / 'log' / gone[0]}.log.",
                )
    finally:
        stop(names)


def _chosen(only: Collection[str] | None) -> Iterator[Engine]:
    unknown = set(only or ()) - {engine.name for engine in ENGINES}
    if unknown:
        raise EngineFailed(
            f"There is no engine named {', '.join(sorted(unknown))}.",
            advice=f"Choose from {', '.join(engine.name for engine in ENGINES)}.",
        )
    for engine in ENGINES:
        if (only is None or engine.name in only) and given_url(engine.store) is None:
            yield engine


def _start(chosen: list[Engine]) -> None:
    known = records()
    started: list[tuple[Engine, EngineRecord]] = []
    try:
        for engine in chosen:
            if engine.name not in known or not known[engine.name].is_usable:
                if engine.name in known and known[engine.name].is_alive:
                    # Of an earlier version, and open to everybody on this machine.
                    _end_all([(engine, known[engine.name])])
                known[engine.name] = _launch(engine, known)
                started.append((engine, known[engine.name]))
                write_records(known)
        launched = {engine.name for engine, _ in started}
        for engine in chosen:
            record = _await(engine, known, launched)
            engine.finish(record.port)
    except BaseException:
        _end_all(started)
        raise


def _launch(engine: Engine, known: dict[str, EngineRecord]) -> EngineRecord:
    previous = known.get(engine.name)
    taken = {record.port for name, record in known.items() if name != engine.name}
    if engine.log.exists() and engine.log.stat().st_size > _LOG_LIMIT:
        engine.log.replace(engine.log.with_suffix(".log.1"))
    with held_folder(engine.data_dir, patience=20.0) as handle:
        engine.prepare(keep_fds=(handle,))
        port = free_port(preferred=previous.port if previous else None, taken=taken)
        launch = engine.launch(port)
        with open_log(engine.log) as log:
            log.write(START_MARK.encode())
        pid = spawn(
            launch.argv,
            log=engine.log,
            cwd=launch.cwd,
            account=launch.account,
            keep_fds=(handle,),
            extra_env=launch.env,
        )
        started = identity(pid) or "ended"
        record = EngineRecord(pid=pid, started=started, port=port, folder=this_folder())
        write_holder(handle, record)
    return record


def _await(engine: Engine, known: dict[str, EngineRecord], launched: set[str]) -> EngineRecord:
    """Wait until an engine answers. Raise EngineFailed.

    It is launched again when another process took its port, or when it was stopping.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        record = known[engine.name]
        deadline = time.monotonic() + engine.ready_seconds
        while record.is_alive:
            if engine.is_ready(record.port):
                return record
            if time.monotonic() > deadline:
                raise EngineFailed(
                    f"{engine.name} runs but does not answer on port {record.port}.",
                    advice=f"Its last words are in {engine.log}.",
                )
            time.sleep(0.03)
        death = reason_of_death(engine)
        may_go_better = death.port_was_taken or engine.name not in launched
        if not may_go_better or attempt == _ATTEMPTS:
            break
        known[engine.name] = _launch(engine, known)
        launched.add(engine.name)
        write_records(known)
    raise EngineFailed(death.message, advice=death.advice)


def _end_all(running: list[tuple[Engine, EngineRecord]]) -> None:
    """Stop several engines concurrently: each needs time to write its data."""
    threads = [
        threading.Thread(
            target=end,
            args=(record.pid, record.started),
            kwargs={"how": engine.stop_signal, "patience": engine.stop_seconds},
        )
        for engine, record in running
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _status(engine: Engine) -> EngineStatus:
    given = given_url(engine.store)
    if given is not None:
        return EngineStatus(
            engine=engine.store,
            source="given",
            version="",
            url=without_password(given),
            pid=None,
            data=None,
            ready=False,
        )
    record = records().get(engine.name)
    alive = record is not None and record.is_alive
    return EngineStatus(
        engine=engine.name,
        source="embedded",
        version=engine.version(),
        url=without_password(engine.url(record.port)) if record and alive else "",
        pid=record.pid if record and alive else None,
        data=str(engine.data_dir),
        ready=bool(record and alive and engine.is_ready(record.port)),
    )


def owner_is_gone(folder: Path) -> bool:
    """Return whether the process that a temporary folder belongs to has ended."""
    try:
        pid, _, started = (folder / "owner").read_text().partition(" ")
        return identity(int(pid)) != started
    except (OSError, ValueError):
        return False


def mark_owner(folder: Path) -> None:
    (folder / "owner").write_text(f"{os.getpid()} {identity(os.getpid())}")

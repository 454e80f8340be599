"""The diagnosis of one store, and the messages of its failures."""

import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from config import engines
from config.engines.urls import ENGINES

# PostgreSQL's write-ahead log comes in files of 16 MB, that of MongoDB's server of 64 MB.
MIN_BYTES = 200_000_000
SECONDS = 5  # how long a store may take to answer before it counts as unreachable


class CheckFailed(Exception):
    """A store cannot be used: the problem and the remedy."""

    def __init__(self, problem: str, advice: str) -> None:
        self.problem = problem
        self.advice = advice
        super().__init__(f"{problem} {advice}")


@dataclass
class Diagnosis:
    """The state of one store; ``source`` is "embedded" or "given" (by the environment).

    ``has`` lists the required features that the server has; ``problem`` is empty if there is none.
    """

    store: str
    source: str
    url: str
    server: str = ""
    version: str = ""
    reachable: bool = False
    written: bool = False
    has: list[str] = field(default_factory=list)
    problem: str = ""
    advice: str = ""

    @property
    def is_well(self) -> bool:
        return not self.problem


def examined(store: str, url: str, look: Callable[[Diagnosis], None]) -> Diagnosis:
    """Run ``look`` on a new diagnosis; an Ill that it raises becomes problem and advice."""
    given = engines.given_url(store) is not None
    diagnosis = Diagnosis(
        store=store,
        source="given" if given else "embedded",
        url=engines.without_password(url),
    )
    try:
        if not given:
            _check_engine(store)
        look(diagnosis)
    except CheckFailed as ill:
        diagnosis.problem, diagnosis.advice = ill.problem, ill.advice
        if not given and is_nearly_full(engines.var_dir()):
            # A server that cannot write tells it in many ways, or dies of it.
            diagnosis.problem = f"The disk that holds {engines.var_dir()} is full."
            diagnosis.advice = "Free some space, or set NEXTFLOW_VAR to a folder on another disk."
    return diagnosis


def is_nearly_full(folder: Path) -> bool:
    """Return whether there is less free space than the engines need."""
    return folder.exists() and shutil.disk_usage(folder).free < MIN_BYTES


def place(url: str) -> str:
    """Return host and port of a URL, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]


def unreachable(store: str, url: str, reason: str) -> CheckFailed:
    """Return the cause of a failed connection, derived from the driver's message."""
    words = reason.lower()
    name = engines.url_variable(store)
    host = urlsplit(url).hostname or ""
    if "refused" in words:
        return CheckFailed(
            f"Nothing listens at {place(url)}.", f"Start the server there, or correct {name}."
        )
    if host and not _resolves(host):
        return CheckFailed(f"The host name {host} is not known.", f"Correct {name}.")
    if "timed out" in words or "timeout" in words:
        return CheckFailed(
            f"{place(url)} did not answer within {SECONDS} seconds.",
            f"Check the network and firewall between here and there, or correct {name}.",
        )
    return CheckFailed(
        f"{place(url)} answers, but not in the way this store would.",
        f"Check that {name} names the right host, port and protocol.",
    )


def wrong_url(store: str) -> CheckFailed:
    example = {
        "database": "postgresql://user:password@host:5432/name",
        "mongodb": "mongodb://host:27017/?replicaSet=rs0",
        "redis": "redis://host:6379/0",
        "qdrant": "http://host:6333",
    }[store]
    return CheckFailed(
        f"{engines.url_variable(store)} is not a URL for this store.",
        f"Set it to something like {example}.",
    )


def _check_engine(store: str) -> None:
    engine = next(engine for engine in ENGINES if engine.store == store)
    try:
        engine.version()
    except engines.EngineFailed as failure:
        raise CheckFailed(failure.message, failure.advice) from failure
    if engine.name in engines.missing():
        raise CheckFailed(
            f"The embedded {engine.name} does not run.",
            f"Run `manage.py engines start`, or set {engines.url_variable(store)}.",
        )


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True

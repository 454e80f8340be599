"""The interface of an engine for supervision."""

import abc
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from config.engines.accounts import Account
from config.engines.paths import CHECKOUT, var_dir


@dataclass(frozen=True)
class Launch:
    """How to start an engine: the command, and the account and folder to run it in."""

    argv: list[str]
    cwd: Path
    account: Account | None = None
    env: dict[str, str] = field(default_factory=dict)


class Engine(abc.ABC):
    """One embedded server of one checkout; its data lies in `<var>/<name>`."""

    name: ClassVar[str]
    store: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    # How long a start may take: recovery after a crash is part of it.
    ready_seconds: ClassVar[float] = 120.0
    stop_seconds: ClassVar[float] = 60.0

    @property
    def data_dir(self) -> Path:
        return var_dir() / self.name

    @property
    def log(self) -> Path:
        return var_dir() / "log" / f"{self.name}.log"

    def prepare(self, keep_fds: Sequence[int] = ()) -> None:
        """Prepare the data folder for a first start; idempotent.

        Processes that write in it inherit ``keep_fds``, which hold its lock.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    @abc.abstractmethod
    def version(self) -> str:
        """Return the version of the installed server. Raise EngineFailed when it is not
        installed.
        """

    @abc.abstractmethod
    def launch(self, port: int) -> Launch:
        """Return the command that starts it on a port of loopback."""

    @abc.abstractmethod
    def is_ready(self, port: int) -> bool:
        """Return whether the server answers; never raises, returns within about a second."""

    def finish(self, port: int) -> None:
        """Complete the set-up once the server answers, for example create the database."""
        del port

    @abc.abstractmethod
    def url(self, port: int) -> str:
        """Return the URL that the application uses, with its password."""


def checkout_launch(argv: list[str]) -> Launch:
    """Return the launch of one of our own modules, run in the checkout."""
    return Launch(argv=argv, cwd=CHECKOUT)

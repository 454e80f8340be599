"""What the clients of a run keep: their logs, their outbox, and what they saw beside them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Observed:
    """What the clients of a run saw, beside their logs."""

    violations: list[str] = field(default_factory=list)
    closes: Counter[int] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    http_errors: Counter[int] = field(default_factory=Counter)
    recoveries: list[float] = field(default_factory=list)
    resends: int = 0
    duplicates: int = 0
    pulls: int = 0
    snapshots: int = 0

    def violation(self, text: str) -> None:
        self.violations.append(text)


@dataclass
class StreamLog:
    """One stream as a client shows it: by ``seq``, each entry once, without gaps."""

    stream: str
    epoch: str
    seq: int = 0
    shown: list[dict[str, Any]] = field(default_factory=list)
    waiting: dict[int, dict[str, Any]] = field(default_factory=dict)
    duplicates: int = 0

    def take(self, events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Take events in any order, again or with holes; give those that can be shown now."""
        for event in events:
            if event["seq"] > self.seq and event["seq"] not in self.waiting:
                self.waiting[event["seq"]] = event
            else:
                self.duplicates += 1
        ready = []
        while self.seq + 1 in self.waiting:
            self.seq += 1
            ready.append(self.waiting.pop(self.seq))
        self.shown += ready
        return ready

    def start_over(self, epoch: str) -> None:
        self.epoch, self.seq = epoch, 0
        self.shown.clear()
        self.waiting.clear()


@dataclass
class Draft:
    """A message in the outbox; asked for again only where it went first."""

    client_message_id: str
    text: str
    stream: str | None
    was_sent: bool = False
    written_at: float = 0.0


@dataclass(frozen=True)
class Ack:
    message_id: str
    seq: int
    stream: str

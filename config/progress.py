"""Progress of a long command: step n of m and its duration.

A terminal shows one updated line; other outputs get two plain lines per step. Imports nothing of
the product: it also runs before anything is installed.
"""

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

TICK_SECONDS = 0.5
_BEGUN = re.compile(r"\[(?P<number>\d+)/(?P<total>\d+)\] (?P<text>.+)\.\.\.")
_ENDED = re.compile(r"\[\d+/\d+\] .+: \d+ s")


class Progress:
    """Progress of ``total`` steps; ``out`` may be a terminal."""

    def __init__(self, total: int, out: TextIO | None = None) -> None:
        self.total = total
        self.out = out or sys.stdout
        self.number = 0
        self._text = ""
        self._detail = ""
        self._began = 0.0
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None
        self._width = 0

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Report a step while the block runs, and its duration."""
        self.begin(text)
        try:
            yield
        except BaseException:
            self.end(failed=True)
            raise
        self.end()

    def begin(self, text: str) -> None:
        self.number += 1
        self._text, self._detail, self._began = text, "", time.monotonic()
        if self.out.isatty():
            self._stop.clear()
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        else:
            self._print(f"{self._head()}...")

    def detail(self, text: str) -> None:
        """Show the step's current detail on a terminal."""
        self._detail = text

    def end(self, *, failed: bool = False) -> None:
        if self._ticker is not None:
            self._stop.set()
            self._ticker.join()
            self._ticker = None
        verdict = "failed after " if failed else ""
        line = f"{self._head()}: {verdict}{self._seconds()} s"
        if self.out.isatty():
            self._rewrite(line)
            self._print("")
            self._width = 0
        else:
            self._print(line)

    def close(self) -> None:
        """End a step whose process has ended."""
        if self._ticker is not None:
            self.end(failed=True)

    def forward(self, line: str) -> None:
        """Report a line of another process in the plain format."""
        if found := _BEGUN.fullmatch(line):
            self.number, self.total = int(found["number"]) - 1, int(found["total"])
            self.begin(found["text"])
        elif _ENDED.fullmatch(line):
            self.end()

    def _head(self) -> str:
        return f"[{self.number}/{self.total}] {self._text}"

    def _seconds(self) -> int:
        return round(time.monotonic() - self._began)

    def _tick(self) -> None:
        while True:
            detail = f" ({self._detail})" if self._detail else ""
            self._rewrite(f"{self._head()}{detail}... {self._seconds()} s")
            if self._stop.wait(TICK_SECONDS):
                return

    def _rewrite(self, line: str) -> None:
        # Spaces over what a longer line left behind.
        self.out.write(f"\r{line}{' ' * (self._width - len(line))}")
        self.out.flush()
        self._width = len(line)

    def _print(self, line: str) -> None:
        self.out.write(f"{line}\n")
        self.out.flush()

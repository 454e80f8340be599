"""The request to stop a process, made by a signal."""

import os
import select
import signal
from contextlib import suppress


class StopRequest:
    """An event that a signal handler may set at any moment.

    The lock of a ``threading.Event`` is held at the beginning and the end of ``wait()``; a handler
    that runs then and sets it waits for its own thread, for ever.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def listen(self, *numbers: signal.Signals) -> None:
        """Install handlers by which these signals set it."""
        for number in numbers:
            signal.signal(number, lambda *_: self.set())

    def set(self) -> None:
        self._is_set = True
        # A full pipe wakes whoever waits as well.
        with suppress(BlockingIOError):
            os.write(self._writer, b"\0")

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, at most so long; return whether it is."""
        if not self._is_set:
            select.select([self._reader], [], [], seconds)
        return self._is_set

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)

"""Turns: one subject does at most so many things at once."""

import asyncio
from dataclasses import dataclass


@dataclass(slots=True)
class _Turn:
    free: asyncio.Semaphore
    takers: int = 0


class Turns:
    """At most ``most`` things of one subject at once; others wait for theirs, in their order.

    Waiting costs neither a thread nor a connection. For one event loop.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._turns: dict[str, _Turn] = {}

    async def take(self, subject: str) -> None:
        """Wait for a turn, which `give_back` ends."""
        turn = self._turns.get(subject)
        if turn is None:
            turn = self._turns[subject] = _Turn(asyncio.Semaphore(self._most))
        turn.takers += 1
        try:
            await turn.free.acquire()
        except BaseException:
            self._leave(subject, turn)
            raise

    def give_back(self, subject: str) -> None:
        turn = self._turns[subject]
        turn.free.release()
        self._leave(subject, turn)

    def _leave(self, subject: str, turn: _Turn) -> None:
        turn.takers -= 1
        if not turn.takers:
            del self._turns[subject]

"""What a download holds."""

from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import async_to_sync


def downloaded(answer: Any) -> bytes:
    """Return the content of a download, whose pieces are made as it is read."""
    assert answer.status_code == 200
    return async_to_sync(_joined)(answer.streaming_content)


async def _joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])

"""How long a test waits for what has to come.

No test measures time: whatever a busy machine needs long for is waited for, as a condition and with
this limit, which costs nothing when it comes.
"""

import time
from collections.abc import Callable

import pytest

PATIENCE = 60.0
_PAUSE = 0.05


def await_true(is_true: Callable[[], object], otherwise: str, *, seconds: float = PATIENCE) -> None:
    """Wait until something is true; fail with a sentence when it never is."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            pytest.fail(otherwise, pytrace=False)
        time.sleep(_PAUSE)

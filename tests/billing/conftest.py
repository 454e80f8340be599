"""What tests of plans begin with."""

import pytest

from config import brief_redis


@pytest.fixture(autouse=True)
def _redis_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget an outage that a test before made."""
    monkeypatch.setattr(brief_redis, "_ask_again_at", None)

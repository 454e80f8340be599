"""What tests of plans begin with."""

import pytest

from crm.core import redis_circuit_breaker


@pytest.fixture(autouse=True)
def _redis_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget an outage that a test before made."""
    monkeypatch.setattr(redis_circuit_breaker, "_ask_again_at", None)

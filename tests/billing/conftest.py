"""What tests of plans begin with."""

import pytest

from crm.billing import counters


@pytest.fixture(autouse=True)
def _redis_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget an outage that a test before made."""
    monkeypatch.setattr(counters, "_away_until", 0.0)

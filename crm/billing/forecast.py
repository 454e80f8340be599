"""Linear forecast of the usage at the end of a period."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

# What one day or a handful of uses says of a month is nothing.
MIN_ELAPSED = timedelta(days=3)
MIN_USED = 10


@dataclass(frozen=True, slots=True)
class Forecast:
    """``expected`` is the usage at the period's end; ``full_at`` when the limit is
    reached before.
    """

    expected: int
    full_at: datetime | None


def forecast(
    *,
    used: int,
    limit: int | None,
    since: datetime,
    until: datetime,
    now: datetime,
    before: int = 0,
) -> Forecast | None:
    """Extrapolate linearly from ``before`` at ``since``; None where there is too little data.

    ``before`` is the earlier value of a level; counters start at zero.
    """
    elapsed, whole = now - since, until - since
    if elapsed < MIN_ELAPSED or used < MIN_USED or whole <= elapsed:
        return None
    grown = used - before
    expected = max(0, math.ceil(before + grown * (whole / elapsed)))
    full_at = None
    if limit is not None and used < limit < expected:
        full_at = since + elapsed * ((limit - before) / grown)
    return Forecast(expected, full_at)

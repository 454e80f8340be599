"""Boundaries of billing periods."""

import calendar
from datetime import datetime


def month_later(start: datetime, anchor_day: int) -> datetime:
    """Return the same day of the next month, or its last day where there is no such day.

    The anchor is stored beside the date: a period that started on January 31 and passed through
    February ends on March 31 again.
    """
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    day = min(anchor_day, calendar.monthrange(year, month)[1])
    return start.replace(year=year, month=month, day=day)

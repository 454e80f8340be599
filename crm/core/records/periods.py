"""Times of filters: dates, relative days and calendar periods, in the reader's time zone."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from django.utils import formats, timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from crm.core.fields import moment, whole_number
from crm.core.moments import is_in_range

MAX_DAYS = 3_660

PERIODS: Mapping[str, object] = {
    "today": _("today"),
    "yesterday": _("yesterday"),
    "this_week": _("this week"),
    "last_week": _("last week"),
    "this_month": _("this month"),
    "last_month": _("last month"),
    "this_quarter": _("this quarter"),
    "this_year": _("this year"),
    "last_year": _("last year"),
}
# Of dates that lie ahead: a time that was stored is never one of these.
PERIODS_AHEAD: Mapping[str, object] = {
    "tomorrow": _("tomorrow"),
    "next_week": _("next week"),
    "next_month": _("next month"),
    "next_quarter": _("next quarter"),
}


class InvalidPeriod(ValueError):
    """The text is not a valid time, period or number of days."""


def period(name: str) -> tuple[datetime, datetime]:
    """Return the start and the end of a calendar period. Weeks start on Monday.

    Raise InvalidPeriod.
    """
    if name not in PERIODS:
        raise InvalidPeriod(name)
    start, end = days_of(name)
    return _midnight(start), _midnight(end)


def days_of(name: str) -> tuple[date, date]:
    """Return the first day of a calendar period, and the first one after it; also of those ahead.

    Raise InvalidPeriod.
    """
    if name not in _DATES:
        raise InvalidPeriod(name)
    return _DATES[name](timezone.localdate())


def days_until(text: str) -> tuple[date, date]:
    """Return today, and the day after the next ``text`` days, today included.

    Raise InvalidPeriod.
    """
    return timezone.localdate(), timezone.localdate() + timedelta(days=_days(text))


def parse_day(text: str) -> date:
    """Parse a date as YYYY-MM-DD. Raise InvalidPeriod."""
    try:
        day = parse_date(text)
    except ValueError as error:
        raise InvalidPeriod(text) from error
    if day is None or not is_in_range(datetime.combine(day, time(), UTC)):
        raise InvalidPeriod(text)
    return day


def last_days(text: str) -> datetime:
    """Return the start (midnight) of the last ``text`` days, including today.

    Raise InvalidPeriod.
    """
    return _midnight(timezone.localdate() - timedelta(days=_days(text) - 1))


def _days(text: str) -> int:
    days = whole_number(text)
    if not days or days > MAX_DAYS:
        raise InvalidPeriod(text)
    return days


def parse_moment(text: str) -> datetime:
    """Parse a date, which means its midnight, or a timestamp with a zone. Raise InvalidPeriod."""
    try:
        day = parse_date(text)
        found = _midnight(day) if day else moment(text)
    except (ValueError, OverflowError) as error:
        raise InvalidPeriod(text) from error
    if not is_in_range(found):
        raise InvalidPeriod(text)
    return found


def shown_moment(value: datetime) -> str:
    local = timezone.localtime(value)
    is_midnight = local.time() == time()
    return formats.date_format(local, "DATE_FORMAT" if is_midnight else "DATETIME_FORMAT")


def shown_days(text: str) -> str:
    days = whole_number(text) or 0
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _month(day: date, months: int) -> date:
    """Return the first day of the month that is ``months`` after the day's."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


_ONE_DAY, _ONE_WEEK = timedelta(days=1), timedelta(days=7)
_DATES: Mapping[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda day: (day, day + _ONE_DAY),
    "yesterday": lambda day: (day - _ONE_DAY, day),
    "this_week": lambda day: (_week(day), _week(day) + _ONE_WEEK),
    "last_week": lambda day: (_week(day) - _ONE_WEEK, _week(day)),
    "this_month": lambda day: (_month(day, 0), _month(day, 1)),
    "last_month": lambda day: (_month(day, -1), _month(day, 0)),
    "this_quarter": lambda day: (
        _month(day, -((day.month - 1) % 3)),
        _month(day, 3 - (day.month - 1) % 3),
    ),
    "tomorrow": lambda day: (day + _ONE_DAY, day + 2 * _ONE_DAY),
    "next_week": lambda day: (_week(day) + _ONE_WEEK, _week(day) + 2 * _ONE_WEEK),
    "next_month": lambda day: (_month(day, 1), _month(day, 2)),
    "next_quarter": lambda day: (
        _month(day, 3 - (day.month - 1) % 3),
        _month(day, 6 - (day.month - 1) % 3),
    ),
    "this_year": lambda day: (date(day.year, 1, 1), date(day.year + 1, 1, 1)),
    "last_year": lambda day: (date(day.year - 1, 1, 1), date(day.year, 1, 1)),
}

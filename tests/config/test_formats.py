"""Dates and times are written in one way for each language."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils import timezone, translation

MOMENT = datetime(2026, 12, 6, 9, 5, tzinfo=UTC)
ROOT = Path(settings.BASE_DIR)
NAMES = {
    "DATE_FORMAT",
    "SHORT_DATE_FORMAT",
    "DATETIME_FORMAT",
    "SHORT_DATETIME_FORMAT",
    "TIME_FORMAT",
    "MONTH_DAY_FORMAT",
}
# To the second: the audit, and when the operator's overview was made. `c` is for machines.
EXCEPT = {
    "templates/compliance/_rows.html": {"H:i:s"},
    "templates/admin/index.html": {"H:i:s"},
    # A day for machines.
    "templates/records/cells/date.html": {"Y-m-d"},
}


@pytest.mark.parametrize(
    ("language", "date", "moment", "day"),
    [
        ("en", "6 Dec 2026", "6 Dec 2026, 09:05", "6 Dec"),
        ("vi", "06/12/2026", "06/12/2026 09:05", "06/12"),
        ("ru", "06.12.2026", "06.12.2026, 09:05", "06.12"),
    ],
)
def test_a_language_has_one_format(language: str, date: str, moment: str, day: str) -> None:
    def shown(name: str) -> str:
        return Template(f'{{{{ at|date:"{name}" }}}}').render(Context({"at": MOMENT}))

    with translation.override(language), timezone.override(UTC):
        assert shown("DATE_FORMAT") == shown("SHORT_DATE_FORMAT") == date
        assert shown("DATETIME_FORMAT") == shown("SHORT_DATETIME_FORMAT") == moment
        assert shown("MONTH_DAY_FORMAT") == day
        assert shown("TIME_FORMAT") == "09:05"


def test_templates_use_these_formats_and_no_others() -> None:
    for path in sorted((ROOT / "templates").rglob("*.*")):
        name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        used = set(re.findall(r"\|(?:date|time):\"([^\"]*)\"", text))
        assert used - NAMES - {"c"} - EXCEPT.get(name, set()) == set(), name
        assert not re.search(r"\|(timesince|timeuntil|naturaltime|naturalday)\b", text), name
        # Without an argument Django takes a format, too; named is clearer.
        assert not re.search(r"\|(?:date|time)(?!:)\b", text), name


@pytest.mark.parametrize(
    ("language", "passed", "words"),
    [
        ("en", timedelta(seconds=5), "just now"),
        ("en", timedelta(minutes=1), "1 minute ago"),
        ("en", timedelta(minutes=21), "21 minutes ago"),
        ("vi", timedelta(minutes=21), "21 phút trước"),
        ("vi", timedelta(seconds=5), "vừa xong"),
        ("vi", timedelta(hours=3), "3 giờ trước"),
        ("ru", timedelta(minutes=21), "21 минуту назад"),
        ("ru", timedelta(minutes=22), "22 минуты назад"),
        ("ru", timedelta(hours=5), "5 часов назад"),
        ("ru", timedelta(days=1), "1 день назад"),
    ],
)
def test_how_long_ago_is_told_wholly_in_the_language(
    language: str, passed: timedelta, words: str
) -> None:
    template = Template("{% load times %}{{ at|ago }}")
    with translation.override(language):
        # A moment more, so that the time that the test itself takes does not count.
        at = timezone.now() - passed - timedelta(seconds=1)
        assert template.render(Context({"at": at})) == words


def test_a_week_ago_is_a_date(settings: Any) -> None:
    template = Template("{% load times %}{{ at|ago }}")
    with translation.override("vi"), timezone.override(UTC):
        assert template.render(Context({"at": datetime(2020, 12, 6, tzinfo=UTC)})) == "06/12/2020"

"""Times that scripts write look like those that templates write, in every language."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils import dateformat, formats, timezone, translation
from django.utils.translation import get_language
from playwright.sync_api import Browser

from crm.organizations.models import Language, Membership
from tests.browser.inbox_pages import logged_in, open_inbox
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ZONE = "Asia/Ho_Chi_Minh"
# Every month and every day of the week, one-digit days, midnight, the edges of a year and of a day
# in the reader's zone.
MOMENTS = [
    *(datetime(2025, month, month + 2, 3, 5, 9, tzinfo=UTC) for month in range(1, 13)),
    *(datetime(2024, 2, day, 22, 59, tzinfo=UTC) for day in range(23, 30)),
    datetime(2023, 12, 31, 16, 59, 59, tzinfo=UTC),
    datetime(2023, 12, 31, 17, 0, tzinfo=UTC),
    datetime(2024, 6, 9, 5, 30, tzinfo=UTC),
]
DAYS = ["Thứ Hai", "Thứ Ba", "Thứ Tư", "Thứ Năm", "Thứ Sáu", "Thứ Bảy", "Chủ Nhật"]
SHORT_DAYS = ["Thứ 2", "Thứ 3", "Thứ 4", "Thứ 5", "Thứ 6", "Thứ 7", "CN"]
SHOWN = """async ([address, moments]) => {
  const time = await import(address);
  return moments.map(iso => ({
    clock: time.clock(iso),
    date: time.dateWords(iso),
    absolute: time.absolute(iso),
    day: time.dayWords(iso),
    row: time.listTime(iso),
    coming: time.momentWords(new Date(iso)),
  }));
}"""


def written(moment: datetime) -> dict[str, str]:
    """Return what templates would show in the active language and zone."""
    local = timezone.localtime(moment)

    def in_format(name: str) -> str:
        return dateformat.format(local, formats.get_format(name))

    clock, date = in_format("TIME_FORMAT"), in_format("DATE_FORMAT")
    # No template names a day of the week; Django's Vietnamese ones count them, as "Thứ 6".
    long_day, short_day = dateformat.format(local, "l"), dateformat.format(local, "D")
    if get_language() == "vi":
        long_day, short_day = DAYS[local.weekday()], SHORT_DAYS[local.weekday()]
    return {
        "clock": clock,
        "date": date,
        "absolute": f"{long_day}, {date}, {clock}",
        "day": f"{long_day}, {date}",
        "row": date,
        "coming": f"{short_day}, {in_format('MONTH_DAY_FORMAT')}, {clock}",
    }


def plain(shown: dict[str, str]) -> dict[str, str]:
    return {name: text.casefold() for name, text in shown.items()}


@pytest.mark.parametrize("language", Language.values)
def test_scripts_write_times_as_templates_do(
    chromium: Browser, web_server: LiveServer, agent: Membership, language: str
) -> None:
    agent.user.language_code, agent.user.timezone = language, ZONE
    agent.user.save()
    with logged_in(chromium, web_server.base_url, agent, timezone_id="America/New_York") as context:
        page = open_inbox(context)
        shown: list[dict[str, Any]] = page.evaluate(
            SHOWN,
            [f"{settings.STATIC_URL}chat/inbox/time.js", [each.isoformat() for each in MOMENTS]],
        )
    with translation.override(language), timezone.override(ZoneInfo(ZONE)):
        wanted = [written(each) for each in MOMENTS]
    assert [plain(each) for each in shown] == [plain(each) for each in wanted]

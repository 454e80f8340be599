"""The labels of the sidebar, and of the bar that it is on a phone."""

import pytest
from playwright.sync_api import Browser

from crm.organizations.models import Membership
from tests.browser.inbox_pages import DESK, PHONE, logged_in
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The words that take two lines, that stick out of their label, or whose label sticks out of its
# item. A label has an inline box of text nodes alone.
_BROKEN = """
async () => {
  await document.fonts.ready;
  const broken = [];
  for (const label of document.querySelectorAll(".sidebar-label")) {
    if (!label.getClientRects().length) continue;
    const item = label.closest(".sidebar-item").getBoundingClientRect();
    const node = label.firstChild;
    for (const { 0: word, index } of node.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const rects = range.getClientRects();
      const { left, right, bottom } = range.getBoundingClientRect();
      const box = label.getBoundingClientRect();
      const isInside = left >= item.left - 0.5 && right <= item.right + 0.5;
      if (rects.length !== 1 || !isInside || bottom > box.bottom + 2) broken.push(word);
    }
  }
  return broken;
}
"""


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_no_label_breaks_inside_a_word(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    language: str,
    viewport: dict[str, int],
) -> None:
    owner.user.language_code, owner.user.is_staff = language, True
    owner.user.save(update_fields=["language_code", "is_staff"])
    with logged_in(chromium, web_server.base_url, owner, viewport=viewport) as context:
        page = context.new_page()
        page.goto("/app/customers/")
        assert page.locator(".sidebar-label:visible").count() >= 6
        assert page.evaluate(_BROKEN) == []


def test_a_phone_has_what_its_bar_has_no_room_for_in_the_menu(
    chromium: Browser, web_server: LiveServer, owner: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, owner, viewport=PHONE) as context:
        page = context.new_page()
        page.goto("/app/customers/")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        bar = page.locator(".sidebar-items")
        assert bar.get_by_role("link", name="Customers").is_visible()
        assert bar.get_by_role("link", name="Companies").is_hidden()
        page.get_by_role("button", name="Your menu").click()
        page.locator(".user-menu-places").get_by_role("link", name="Companies").click()
        page.wait_for_url("**/app/companies/")

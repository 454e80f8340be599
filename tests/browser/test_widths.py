"""A page's layout does not depend on which fonts a machine has."""

from collections.abc import Iterable, Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, expect

from chat.models import Conversation
from crm.organizations.models import User
from tests.browser.widget_page import WidgetPage
from tests.browser.widths import assert_within_with_any_font
from tests.conftest import PASSWORD
from tests.servers import LiveServer
from tests.tenancy.addresses import addresses
from tests.tenancy.world import Theirs, make_theirs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Russian has the longest words of the three languages.
LANGUAGE = "ru"
OPEN_TO_ALL = ("/login/", "/signup/", "/verify/", "/password/reset/", "/password/reset/sent/")
# One of each kind of page that unfold makes.
OPERATOR = (
    "/admin/",
    "/admin/organizations/organization/",
    "/admin/organizations/organization/add/",
    "/admin/compliance/auditentry/",
    "/admin/password_change/",
)


@pytest.fixture
def theirs(transactional_db: None, stores_clean: None) -> Theirs:
    """An organization that has something on every page."""
    theirs = make_theirs()
    User.objects.filter(pk=theirs.owner.user_id).update(language_code=LANGUAGE)
    theirs.owner.user.refresh_from_db()
    return theirs


def look_at(context: BrowserContext, paths: Iterable[str]) -> None:
    page = context.new_page()
    for path in paths:
        answer = page.goto(path)
        assert answer is not None
        assert answer.ok, path
        assert_within_with_any_font(page)


def log_in(context: BrowserContext, base_url: str, user: User) -> None:
    client = Client()
    client.force_login(user)
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    cookies[settings.LANGUAGE_COOKIE_NAME] = LANGUAGE
    context.add_cookies(
        [{"name": name, "value": value, "url": base_url} for name, value in cookies.items()]
    )


def pages_of(theirs: Theirs) -> list[str]:
    """Return the addresses under /app/ that are whole pages, asked as their owner."""
    client = Client()
    client.force_login(theirs.owner.user)
    pages = []
    for path in sorted({each.path for each in addresses(theirs) if each.path.startswith("/app/")}):
        answer = client.get(path)
        is_page = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
        if is_page and not answer.streaming and b"<!doctype" in answer.content[:64]:
            pages.append(path)
    return pages


@pytest.fixture
def phone(chromium: Browser, web_server: LiveServer) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        base_url=web_server.base_url,
        viewport={"width": 390, "height": 844},
        locale="ru-RU",
        bypass_csp=True,
    )
    yield context
    context.close()


def test_no_page_of_the_app_is_wider_than_a_phone_with_any_font(
    phone: BrowserContext, web_server: LiveServer, theirs: Theirs
) -> None:
    log_in(phone, web_server.base_url, theirs.owner.user)
    pages = pages_of(theirs)
    look_at(phone, pages)
    assert len(pages) > 25


def test_no_page_before_the_log_in_is_wider_than_a_phone_with_any_font(
    phone: BrowserContext, theirs: Theirs
) -> None:
    answers = [each.path for each in addresses(theirs) if each.name == "knowledge:public_faq"]
    assert answers
    look_at(phone, [*OPEN_TO_ALL, *answers])


def test_no_page_of_the_operator_is_wider_than_a_phone_with_any_font(
    phone: BrowserContext, web_server: LiveServer, conversation: Conversation
) -> None:
    user = User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")
    user.language_code = LANGUAGE
    user.save(update_fields=["language_code"])
    log_in(phone, web_server.base_url, user)
    look_at(phone, OPERATOR)


def test_api_reference_is_not_wider_than_a_phone_with_any_font(phone: BrowserContext) -> None:
    page = phone.new_page()
    page.goto("/api/docs/")
    page.locator("#operations-tag-customers").click()
    for name in ("customers_create", "customers_list"):
        row = page.locator(f"#operations-customers-{name}")
        row.locator(".opblock-summary-control").click()
        expect(row.locator(".responses-table").first).to_be_visible()
    assert_within_with_any_font(page)


def test_widget_is_not_wider_than_its_panel_with_any_font(chromium: Browser, shop: str) -> None:
    """The widget uses the fonts of the visitor's machine, so it has to bear all of them."""
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, locale="ru-RU", bypass_csp=True
    )
    visitor = WidgetPage(context.new_page())
    visitor.visit(shop).open()
    visitor.write("Сколько стоит доставка, и " + "оченьдлинноеслово" * 8)
    expect(visitor.own("доставка").locator("[data-status=sent]")).to_be_visible()
    panel = next(frame for frame in visitor.page.frames if "/widget/frame/" in frame.url)
    assert_within_with_any_font(panel)
    assert_within_with_any_font(visitor.page)
    context.close()


def test_every_letter_of_three_languages_is_of_the_shipped_font(
    chromium: Browser, web_server: LiveServer, phone: BrowserContext
) -> None:
    """What the browser really draws, asked of its own debugger, and not what the style names."""
    page = phone.new_page()
    page.goto("/login/")
    session = phone.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    page.evaluate(
        """async () => {
          const text = "Ở Việt Nam, ngựa chữ Ẵ ₫ · Съешь ещё этих булок, ё № · Quick wizard, 0123";
          const line = document.createElement("p");
          line.id = "letters";
          line.textContent = text;
          document.body.append(line);
          await document.fonts.load("400 16px 'Inter Variable'", text);
          await document.fonts.ready;
        }"""
    )
    document = session.send("DOM.getDocument")
    node = session.send(
        "DOM.querySelector", {"nodeId": document["root"]["nodeId"], "selector": "#letters"}
    )
    used = session.send("CSS.getPlatformFontsForNode", {"nodeId": node["nodeId"]})["fonts"]
    assert {(font["familyName"], font["isCustomFont"]) for font in used} == {("Inter", True)}

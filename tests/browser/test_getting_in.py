"""Getting in, as people do it: with letters, codes and passkeys, in a real browser."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from crm.organizations.models import Membership
from tests.authentication.test_second_factors import code_of
from tests.browser.axe import violations
from tests.browser.chromium import PATIENCE
from tests.browser.inbox_pages import DESK, PHONE, Faults, logged_in
from tests.browser.looks import FIRST_LOOK, looks
from tests.browser.widths import assert_within
from tests.conftest import PASSWORD
from tests.mail.sink import Sink, listening
from tests.servers import LiveServer, working

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DOOR_PAGES = ("/login/", "/signup/", "/verify/", "/password/reset/", "/password/reset/sent/")
SETTINGS_PAGES = (
    "/app/settings/",
    "/app/settings/profile/",
    "/app/settings/email/",
    "/app/settings/security/",
    "/app/settings/security/password/",
    "/app/settings/organization/",
    "/app/settings/members/",
)
_LINK = re.compile(r"https?://\S+")


@pytest.fixture(scope="module")
def post_office(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    """A mail server, and a worker that hands letters to it."""
    with listening() as sink:
        folder = tmp_path_factory.mktemp("post")
        with working(folder, EMAIL_URL=f"smtp://127.0.0.1:{sink.port}"):
            yield sink


@pytest.fixture
def address(web_server: LiveServer) -> str:
    """The server under a name: browsers make no passkeys for bare addresses."""
    return f"http://localhost:{web_server.port}"


@pytest.fixture
def visitors(chromium: Browser, address: str) -> Iterator[Any]:
    """Make empty profiles; a broken policy or script in any of them fails the test."""
    contexts: list[BrowserContext] = []
    faults = Faults()

    def make(**options: Any) -> Page:
        context = chromium.new_context(base_url=address, locale="en-GB", **options)
        context.set_default_timeout(PATIENCE)
        context.on("page", faults.watch)
        contexts.append(context)
        return context.new_page()

    expect.set_options(timeout=PATIENCE)
    yield make
    for context in contexts:
        context.close()
    assert faults.lines == []


def letter_link(sink: Sink, page: Page, to: str) -> str:
    """Wait for the letter and give its link."""
    for _moment in range(PATIENCE // 100):
        found = [mail for mail in sink.got if mail["To"] == to]
        if found:
            sink.got.remove(found[-1])
            text = found[-1].get_body(("plain",))
            assert text is not None
            return _LINK.findall(text.get_content())[0]
        page.wait_for_timeout(100)
    pytest.fail(f"No letter came to {to}.")


def log_in(page: Page, email: str) -> None:
    page.goto("/login/")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def confirm(page: Page) -> None:
    """Press the button of a letter's page, and wait until that was sent."""
    button = page.get_by_role("button", name="Yes, confirm it")
    button.click()
    expect(button).to_have_count(0)


def log_out(page: Page) -> None:
    page.goto("/app/settings/")
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def set_up_app(page: Page) -> str:
    page.goto("/app/settings/security/")
    page.get_by_role("link", name="Set up").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    secret = page.locator(".factor-key").inner_text()
    expect(page.get_by_alt_text("QR code for the app")).to_be_visible()
    page.get_by_label("Code that the app shows").fill(code_of(secret))
    page.get_by_role("button", name="Set up").click()
    expect(page.locator(".factor-codes li")).to_have_count(10)
    return secret


def test_from_sign_up_to_a_colleague_with_a_second_factor(
    visitors: Any, post_office: Sink, worker_stores: None, stores_clean: None
) -> None:
    nora = visitors(viewport=DESK)
    nora.goto("/signup/")
    nora.get_by_label("Your name").fill("Nora")
    nora.get_by_label("Name of your organization").fill("Fjord Coffee")
    nora.get_by_label("Email address").fill("nora@fjord.example")
    nora.get_by_label("Password", exact=True).fill(PASSWORD)
    nora.get_by_role("button", name="Sign up").click()
    expect(nora.get_by_role("heading", name="Check your email")).to_be_visible()
    nora.goto(letter_link(post_office, nora, "nora@fjord.example"))
    confirm(nora)
    log_in(nora, "nora@fjord.example")
    expect(nora).to_have_url(re.compile("/app/start/"))

    nora.goto("/app/settings/members/")
    nora.get_by_label("Email address").first.fill("otto@fjord.example")
    nora.get_by_label("Role", exact=True).select_option("supervisor")
    nora.get_by_role("button", name="Invite").click()
    expect(nora.get_by_text("An invitation is on its way")).to_be_visible()

    otto = visitors(viewport=PHONE)
    otto.goto(letter_link(post_office, otto, "otto@fjord.example"))
    expect(otto.get_by_role("heading", name="Join Fjord Coffee")).to_be_visible()
    otto.get_by_label("Your name").fill("Otto")
    otto.get_by_label("Password", exact=True).fill(PASSWORD)
    otto.get_by_role("button", name="Join").click()
    expect(otto).to_have_url(re.compile("/app/inbox/"))

    secret = set_up_app(otto)
    log_out(otto)
    log_in(otto, "otto@fjord.example")
    expect(otto.get_by_role("heading", name="Second step")).to_be_visible()
    otto.get_by_label("Code from your app").fill(code_of(secret))
    otto.get_by_role("button", name="Log in", exact=True).click()
    expect(otto).to_have_url(re.compile("/app/inbox/"))
    assert Membership.objects.get(user__email="otto@fjord.example").role == "supervisor"


def test_passkey_is_added_and_gets_one_in(visitors: Any, agent: Membership) -> None:
    page = visitors(viewport=DESK)
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    log_in(page, agent.user.email)
    page.goto("/app/settings/security/passkeys/add/")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("My laptop")
    # The button does nothing before its script is there.
    page.wait_for_load_state()
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(".factor-codes li")).to_have_count(10)
    page.goto("/app/settings/security/passkeys/")
    expect(page.get_by_text("My laptop")).to_be_visible()
    log_out(page)
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page).to_have_url(re.compile("/app/inbox/"))


def test_second_tab_of_the_log_in_goes_on(visitors: Any, agent: Membership) -> None:
    first = visitors(viewport=DESK)
    second = first.context.new_page()
    second.goto("/login/?next=/app/settings/profile/")
    second.get_by_label("Email address").fill(agent.user.email)
    second.get_by_label("Password", exact=True).fill(PASSWORD)
    log_in(first, agent.user.email)
    expect(first).to_have_url(re.compile("/app/inbox/"))
    second.get_by_role("button", name="Log in", exact=True).click()
    expect(second).to_have_url(re.compile("/app/settings/profile/"))


def test_pages_can_be_used_by_everybody(
    chromium: Browser, visitors: Any, address: str, owner: Membership, agent: Membership
) -> None:
    stranger = visitors(**FIRST_LOOK)
    for path in DOOR_PAGES:
        _look(stranger, path)
    with logged_in(chromium, address, owner, **FIRST_LOOK) as context:
        page = context.new_page()
        for path in SETTINGS_PAGES:
            _look(page, path)


def _look(page: Page, path: str) -> None:
    page.goto(path)
    for look in looks(page, [(PHONE, "dark"), (DESK, "light")]):
        assert violations(page) == [], look
        assert_within(page)

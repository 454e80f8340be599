"""The board in a browser: pointer, keyboard, menu, conflict, undo; on a phone and in the dark."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from crm.core.records import get_record
from crm.core.records.boards import move_card
from crm.organizations.models import Membership
from tests.browser.inbox_pages import logged_in, serious_faults
from tests.browser.looks import FIRST_LOOK, schemes
from tests.browser.widths import assert_within
from tests.servers import LiveServer
from tests.umbrellas.models import Umbrella

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
UMBRELLAS = get_record("umbrellas")


@pytest.fixture
def cards(owner: Membership) -> list[Umbrella]:
    """Four black cards, "A" on top, and a yellow one."""
    made = [
        Umbrella.objects.create(organization=owner.organization, name=name, owner=owner.user)
        for name in "DCBA"
    ]
    Umbrella.objects.create(organization=owner.organization, name="Y", color="yellow")
    return made[::-1]


@pytest.fixture
def desk(
    chromium: Browser, web_server: LiveServer, owner: Membership, cards: list[Umbrella]
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        page.goto(UMBRELLAS.board_url)
        yield page


def column(page: Page, key: str) -> Locator:
    return page.locator(f'[data-column="{key}"]')


def titles(page: Page, key: str) -> Locator:
    return column(page, key).locator(".board-title")


def card(page: Page, name: str) -> Locator:
    return page.locator(".board-card", has=page.get_by_role("link", name=name, exact=True))


def grab(page: Page, name: str, target: Locator, *, share: float = 0.8) -> None:
    """Take a card with the mouse and let it go over the lower part of another element."""
    start, end = card(page, name).bounding_box(), target.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] - 6)
    page.mouse.down()
    page.mouse.move(start["x"] + 80, start["y"] + 40, steps=4)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] * share, steps=8)
    page.mouse.up()


def test_a_card_is_dragged_behind_another_one_and_stays_there(desk: Page) -> None:
    expect(titles(desk, "black")).to_have_text(["A", "B", "C", "D"])
    grab(desk, "A", card(desk, "C"))
    expect(titles(desk, "black")).to_have_text(["B", "C", "A", "D"])
    expect(desk.locator("#toasts")).to_contain_text("A was moved.")
    grab(desk, "B", card(desk, "Y"))
    expect(titles(desk, "yellow")).to_have_text(["Y", "B"])
    expect(desk.locator("#column-yellow-head .board-count")).to_have_text("2")
    expect(desk.locator("#column-black-head .board-total")).to_have_text("Ribs: 24")
    desk.reload()
    expect(titles(desk, "black")).to_have_text(["C", "A", "D"])
    expect(titles(desk, "yellow")).to_have_text(["Y", "B"])


def test_a_card_that_rests_at_an_edge_scrolls_the_board(desk: Page) -> None:
    desk.set_viewport_size({"width": 390, "height": 844})
    board = desk.locator("#board").element_handle()
    start, edges = card(desk, "A").bounding_box(), desk.locator("#board").bounding_box()
    assert start
    assert edges
    x, y = start["x"] + start["width"] / 2, start["y"] + 12
    desk.mouse.move(x, y)
    desk.mouse.down()
    desk.mouse.move(x + 20, y)
    desk.mouse.move(edges["x"] + edges["width"] - 20, y)
    desk.wait_for_function("it => it.scrollLeft + it.clientWidth >= it.scrollWidth - 1", arg=board)
    expect(titles(desk, "yellow")).to_contain_text(["A"])
    assert desk.evaluate("() => getComputedStyle(board).scrollSnapType") == "none"
    desk.mouse.move(edges["x"] + 20, y)
    desk.wait_for_function("it => it.scrollLeft === 0", arg=board)
    expect(titles(desk, "black")).to_contain_text(["A"])
    desk.mouse.up()
    assert desk.evaluate("() => getComputedStyle(board).scrollSnapType") == "x"


def test_a_card_is_dropped_below_a_short_column(desk: Page) -> None:
    start, end = card(desk, "A").bounding_box(), card(desk, "Y").bounding_box()
    board = desk.locator("#board").bounding_box()
    assert start
    assert end
    assert board
    desk.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] - 6)
    desk.mouse.down()
    desk.mouse.move(end["x"] + end["width"] / 2, board["y"] + board["height"] + 20, steps=4)
    desk.mouse.up()
    expect(titles(desk, "yellow")).to_have_text(["Y", "A"])


def test_a_click_opens_a_card_and_a_drag_does_not(desk: Page) -> None:
    grab(desk, "A", card(desk, "B"))
    expect(titles(desk, "black")).to_have_text(["B", "A", "C", "D"])
    desk.get_by_role("link", name="A", exact=True).click()
    desk.wait_for_url("**/app/umbrellas/*/")


def test_a_move_is_undone(desk: Page) -> None:
    grab(desk, "A", card(desk, "Y"))
    desk.get_by_role("button", name="Undo").click()
    expect(titles(desk, "black")).to_have_text(["A", "B", "C", "D"])
    expect(desk.locator("#toasts")).to_contain_text("The card is where it was.")


def test_the_keyboard_lifts_moves_and_puts_down(desk: Page) -> None:
    grip = card(desk, "A").locator("[data-grip]")
    grip.focus()
    desk.keyboard.press("Space")
    expect(grip).to_have_attribute("aria-pressed", "true")
    desk.keyboard.press("ArrowDown")
    expect(desk.locator("#board-status")).to_have_text("Black, place 2")
    desk.keyboard.press("Escape")
    expect(titles(desk, "black")).to_have_text(["A", "B", "C", "D"])
    desk.keyboard.press("Space")
    desk.keyboard.press("ArrowRight")
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Space")
    expect(desk.locator("#board-status")).to_have_text("Moved to Yellow.")
    expect(titles(desk, "yellow")).to_have_text(["Y", "A"])
    expect(card(desk, "A").locator("[data-grip]")).to_be_focused()
    desk.reload()
    expect(titles(desk, "yellow")).to_have_text(["Y", "A"])


def test_of_two_who_move_one_card_the_second_sees_where_it_is(
    desk: Page, owner: Membership, cards: list[Umbrella]
) -> None:
    move_card(by=owner, record=UMBRELLAS, pk=cards[0].pk, column="yellow")
    grab(desk, "A", card(desk, "C"))
    expect(desk.locator("#toasts")).to_contain_text("Somebody moved or changed this card")
    expect(titles(desk, "yellow")).to_have_text(["A", "Y"])
    expect(titles(desk, "black")).to_have_text(["B", "C", "D"])


def test_board_and_list_share_filter_and_search(desk: Page) -> None:
    desk.locator("#record-search").fill("b")
    expect(titles(desk, "black")).to_have_text(["B"])
    desk.get_by_role("link", name="List", exact=True).click()
    desk.wait_for_url("**/app/umbrellas/?*q=b")
    expect(desk.locator("[data-row]")).to_have_count(1)
    desk.get_by_role("link", name="Board", exact=True).click()
    expect(titles(desk, "black")).to_have_text(["B"])


def test_more_of_a_long_column_is_shown(desk: Page, owner: Membership) -> None:
    for number in range(45):
        Umbrella.objects.create(organization=owner.organization, name=f"No. {number}")
    desk.reload()
    expect(titles(desk, "black")).to_have_count(20)
    for count in (40, 49):
        desk.get_by_role("link", name="Show more").click()
        expect(titles(desk, "black")).to_have_count(count)
    last = titles(desk, "black").last
    expect(last).to_have_text("D")


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_a_phone_moves_a_card_by_its_menu(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    cards: list[Umbrella],
    language: str,
) -> None:
    owner.user.language_code = language
    owner.user.save()
    Umbrella.objects.filter(name="B").update(name="Nguyễn" * 16)
    options = {**FIRST_LOOK, "has_touch": True}
    with logged_in(chromium, web_server.base_url, owner, **options) as context:
        page = context.new_page()
        page.goto(UMBRELLAS.board_url)
        for look in schemes(page):
            assert_within(page)
            assert serious_faults(page) == [], look
        card(page, "A").locator("summary").tap()
        for look in schemes(page):
            assert serious_faults(page) == [], look
        card(page, "A").get_by_role("button", name="Yellow").tap()
        expect(titles(page, "yellow")).to_have_text(["A", "Y"])
        assert_within(page)

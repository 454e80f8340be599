"""Deals in a browser: why one was lost is asked on the board, stages are put in order."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from crm.core.records import get_record
from crm.deals.models import Deal, LostReason, Stage, Status
from crm.deals.services import create_deal
from crm.organizations.models import Membership
from tests.browser.inbox_pages import logged_in, serious_faults
from tests.browser.widths import assert_within
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DEALS = get_record("deals")


@pytest.fixture
def deal(owner: Membership) -> Deal:
    return create_deal(by=owner, name="Beans", amount=Decimal(1_200))


@pytest.fixture
def desk(
    chromium: Browser, web_server: LiveServer, owner: Membership, deal: Deal
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, owner) as context:
        yield context.new_page()


def move_to(page: Page, stage: str) -> Locator:
    """Move the card by its menu, and return the dialog that asks for the reason."""
    page.get_by_text("Move Beans to…").locator("..").click()
    page.locator(".board-move").get_by_role("button", name=stage, exact=True).click()
    return page.get_by_role("dialog", name="Reason for the loss")


def test_a_lost_deal_is_asked_for_its_reason_which_may_be_skipped_or_cancelled(
    desk: Page, deal: Deal, owner: Membership
) -> None:
    desk.goto(f"{DEALS.board_url}?all=true")
    new, lost = (
        desk.locator(f'[data-column="{stage.pk}"] .board-title')
        for stage in Stage.objects.filter(
            organization=owner.organization, name__in=["New", "Lost"]
        ).order_by("position")
    )
    dialog = move_to(desk, "Lost")
    expect(dialog).to_be_visible()
    assert not serious_faults(desk)
    desk.keyboard.press("Escape")
    expect(new).to_have_text(["Beans"])
    dialog = move_to(desk, "Lost")
    dialog.get_by_label("Reason for the loss").select_option("Too expensive")
    dialog.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("Beans was moved.")).to_be_visible()
    expect(lost).to_have_text(["Beans"])
    deal.refresh_from_db()
    reason = LostReason.objects.get(organization=owner.organization, name="Too expensive")
    assert (deal.status, deal.lost_reason_id) == (Status.LOST, reason.pk)
    # Undone, and lost again without a word.
    desk.get_by_role("button", name="Undo").click()
    expect(new).to_have_text(["Beans"])
    move_to(desk, "Lost").get_by_role("button", name="Skip").click()
    expect(desk.get_by_text("Beans was moved.")).to_be_visible()
    deal.refresh_from_db()
    assert (deal.status, deal.lost_reason_id) == (Status.LOST, None)
    # Where nothing is asked, nothing opens.
    expect(move_to(desk, "Won")).to_have_count(0)


def test_stages_are_put_in_order_and_a_deleted_one_is_asked_about(desk: Page, deal: Deal) -> None:
    desk.goto("/app/settings/pipelines/")
    desk.get_by_role("link", name="Sales", exact=True).click()
    names = desk.locator(".stage-text strong")
    desk.get_by_role("button", name="Move Qualified up").click()
    expect(names).to_have_text(["Qualified", "New", "Proposal sent", "Negotiation", "Won", "Lost"])
    desk.get_by_role("link", name="Delete New").click()
    desk.get_by_label("The deals go to").select_option("Sales: Negotiation")
    assert not serious_faults(desk)
    desk.get_by_role("button", name="Delete").click()
    expect(desk.get_by_text("The stage is gone.")).to_be_visible()
    expect(names).to_have_text(["Qualified", "Proposal sent", "Negotiation", "Won", "Lost"])
    deal.refresh_from_db()
    assert deal.stage.name == "Negotiation"


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_of_deals_fit_and_are_accessible(desk: Page, deal: Deal, width: int) -> None:
    desk.set_viewport_size({"width": width, "height": 844})
    pipeline = f"/app/settings/pipelines/{deal.pipeline_id}/"
    for path in (
        "/app/deals/forecast/",
        "/app/deals/forecast/?by=stage&measure=committed",
        "/app/settings/pipelines/",
        pipeline,
        f"{pipeline}delete/",
        f"/app/settings/stages/{deal.stage_id}/",
        f"/app/settings/stages/{deal.stage_id}/delete/",
        "/app/settings/lost-reasons/",
        DEALS.url_of(deal),
    ):
        answer = desk.goto(path)
        assert answer
        assert answer.ok, path
        assert_within(desk)
        assert not serious_faults(desk), path

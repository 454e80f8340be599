"""Deals: what follows from their stages, their moves, their board and where they are shown."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.core.errors import InvalidField
from crm.core.permissions import Grant, Level, Module, Rights
from crm.core.records import ListState, get_record, parse_json
from crm.core.records.boards import move_card
from crm.core.records.saved_views import create_view
from crm.core.records.timeline import timeline
from crm.core.undo.services import undo
from crm.customers.models import Company, Customer
from crm.deals.models import Deal, DealMove, LostReason, Stage, Status
from crm.deals.services import create_pipeline, update_deal, update_stage
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
from tests.deals.conftest import deal_in
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db
DEALS = get_record("deals")


def age(deal: Deal, days: int) -> None:
    """Let a deal have come into its stage some days ago."""
    deal.refresh_from_db()
    since = timezone.now() - timedelta(days=days)
    Deal.objects.filter(pk=deal.pk).update(
        stage_changed_at=since, rots_at=deal.stage.rots_at(since)
    )


def rotting(reader: Membership, operator: str = "yes") -> set[Any]:
    where = parse_json(DEALS, {"field": "rots_at", "op": operator})
    return {each.pk for each in ListState(DEALS, where).rows(reader)}


def test_a_stage_closes_a_deal_and_opens_it_again(
    owner: Membership, stages: dict[str, Stage]
) -> None:
    deal = deal_in(owner, stages["New"])
    reason = LostReason.objects.filter(organization_id=owner.organization_id)[0]
    with pytest.raises(InvalidField, match="Only a deal that was lost"):
        update_deal(by=owner, pk=deal.pk, lost_reason_id=reason.pk)
    lost = update_deal(by=owner, pk=deal.pk, stage_id=stages["Lost"].pk, lost_reason_id=reason.pk)
    assert (lost.status, lost.lost_reason_id, lost.closed_at is None) == ("lost", reason.pk, False)
    again = update_deal(by=owner, pk=deal.pk, stage_id=stages["Qualified"].pk)
    assert (again.status, again.lost_reason_id, again.closed_at) == ("open", None, None)


def test_a_deal_is_one_with_the_company_of_its_customer_unless_another_is_named(
    owner: Membership, organization: Organization, stages: dict[str, Stage]
) -> None:
    company = Company.objects.create(organization=organization, name="Sen")
    other = Company.objects.create(organization=organization, name="Other")
    person = Customer.objects.create(organization=organization, name="An", company=company)
    deal = deal_in(owner, stages["New"], customer_id=person.pk)
    assert deal.company_id == company.pk
    assert deal_in(owner, stages["New"], customer_id=person.pk, company_id=None).company_id is None
    named = deal_in(owner, stages["New"], customer_id=person.pk, company_id=other.pk)
    assert named.company_id == other.pk


def test_a_deal_rots_when_it_stood_too_long_in_its_stage(
    owner: Membership, stages: dict[str, Stage]
) -> None:
    update_stage(by=owner, pk=stages["New"].pk, rotting_days=7)
    stages["New"].refresh_from_db()
    old, young, won = (deal_in(owner, stages[name]) for name in ("New", "New", "Won"))
    age(old, 8)
    age(young, 6)
    assert rotting(owner) == {old.pk}
    assert rotting(owner, "no") == {young.pk, won.pk}
    # Another number of days counts for deals that are there.
    update_stage(by=owner, pk=stages["New"].pk, rotting_days=5)
    assert rotting(owner) == {old.pk, young.pk}
    update_deal(by=owner, pk=old.pk, stage_id=stages["Qualified"].pk)
    assert rotting(owner) == {young.pk}
    update_stage(by=owner, pk=stages["New"].pk, rotting_days=None)
    assert rotting(owner) == set()


def test_the_board_marks_what_rots_and_sums_in_the_own_currency(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    update_stage(by=owner, pk=stages["New"].pk, rotting_days=3)
    stages["New"].refresh_from_db()
    age(deal_in(owner, stages["New"]), 12)
    rates = get_record("exchange-rates")
    rates.create(by=owner, currency="EUR", rate=2, valid_from=timezone.localdate())
    deal_in(owner, stages["New"], currency="EUR")
    page = browser.get(DEALS.board_url)
    text = page.content.decode()
    assert text.count("12 days in this stage") == 1
    column = page.context["columns"][0]
    assert (column["count"], column["total"]) == (2, "$300")
    assert f'data-ask="lost_reason_id" aria-labelledby="column-{stages["Lost"].pk}' in text
    assert 'id="ask-lost_reason_id"' in text


def test_the_title_of_the_board_counts_the_pipeline_that_is_shown(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    export = create_pipeline(by=owner, name="Export")
    deal_in(owner, stages["New"])
    for name in ("Tea", "Rice"):
        deal_in(owner, export.stages.order_by("position")[0], name)
    assert browser.get(DEALS.board_url).context["total"].count == 1
    page = browser.get(DEALS.board_url, {"pipeline_id__in": str(export.pk)})
    assert page.context["total"].count == 2
    assert browser.get(DEALS.list_url).context["total"].count == 3


@pytest.mark.parametrize(
    ("query", "uncounted"),
    [
        ({}, {"Won", "Lost"}),
        ({"view": "won"}, {"New", "Qualified", "Lost"}),
        ({"status__not_in": "lost"}, {"Lost"}),
        ({"status__empty": "true"}, {"New", "Qualified", "Won", "Lost"}),
        ({"view": "all"}, set()),
        ({"amount__gte": "1000000"}, set()),
        (
            {
                "where": '{"any": [{"field": "status", "op": "in", "value": ["open"]},'
                ' {"field": "owner_id", "op": "in", "value": ["me"]}]}'
            },
            set(),
        ),
    ],
)
def test_a_column_of_closed_deals_is_not_counted_under_a_filter_of_open_ones(
    browser: Client,
    owner: Membership,
    stages: dict[str, Stage],
    query: dict[str, str],
    uncounted: set[str],
) -> None:
    deal_in(owner, stages["Won"])
    page = browser.get(DEALS.board_url, query)
    columns = {each["label"]: each for each in page.context["columns"]}
    named = ("New", "Qualified", "Won", "Lost")
    assert {name for name in named if columns[name]["count"] is None} == uncounted
    assert all((each["count"] is None) == (each["total"] is None) for each in columns.values())
    counted = [each for each in columns.values() if each["count"] is not None]
    assert page.content.decode().count('class="board-count"') == len(counted)


def test_the_chosen_pipeline_is_no_change_of_the_view_and_is_kept_by_the_tabs(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    export = create_pipeline(by=owner, name="Export")
    deal_in(owner, export.stages.order_by("position")[0], "Tea")
    deal_in(owner, stages["New"])
    page = browser.get(DEALS.board_url)
    (address,) = (
        each["address"] for each in page.context["board_groups"] if each["label"] == "Export"
    )
    page = browser.get(f"{DEALS.board_url}{address}")
    told = [chip.sentence for chip in page.context["chips"]]
    assert told == [chip.sentence for chip in browser.get(DEALS.board_url).context["chips"]]
    assert not page.context["is_changed"]
    assert "Tea" in page.content.decode()
    assert len(page.context["views"]) == len(DEALS.views)
    for view, url in page.context["views"]:
        shown = browser.get(f"{DEALS.board_url}{url}")
        assert shown.context["active_view"].key == view.key
        assert not shown.context["is_changed"]
        chosen = [each["label"] for each in shown.context["board_groups"] if each["is_chosen"]]
        assert chosen == ["Export"], view.key
        assert shown.context["total"].count == (view.key in {"open", "mine", "all"})
    # Another filter beside it is a change, and what resets it keeps the pipeline.
    narrowed = browser.get(f"{DEALS.board_url}{address}&amount__gte=1000")
    assert narrowed.context["is_changed"]
    reset = browser.get(f"{DEALS.board_url}{narrowed.context['reset_url']}")
    assert not reset.context["is_changed"]
    assert "Tea" in reset.content.decode()


def test_a_view_with_a_pipeline_of_its_own_keeps_that(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    export = create_pipeline(by=owner, name="Export")
    where = {"all": [{"field": "pipeline_id", "op": "in", "value": [str(export.pk)]}]}
    state = ListState(DEALS, where=parse_json(DEALS, where))
    view = create_view(by=owner, state=state, name="Abroad", is_shared=False)
    first = {"pipeline_id__in": str(stages["New"].pipeline_id)}
    urls = {each.label: url for each, url in browser.get(DEALS.board_url, first).context["views"]}
    shown = browser.get(f"{DEALS.board_url}{urls['Abroad']}")
    assert [each["is_chosen"] for each in shown.context["board_groups"]] == [False, True]
    other = browser.get(DEALS.board_url, {"view": str(view.pk), **first})
    assert other.context["is_changed"]


def test_a_column_adds_a_deal_in_its_stage(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    page = browser.get(DEALS.board_url).content.decode()
    url = f"{DEALS.new_url}?stage_id={stages['Negotiation'].pk}"
    assert f'href="{url}"' in page
    form = browser.get(url).context["form"]
    assert form["stage_id"].value() == str(stages["Negotiation"].pk)
    reader = member_with(owner.organization, "Rea", rights(Module.DEALS, Level.ALL))
    browser.force_login(reader.user)
    assert DEALS.new_url not in browser.get(DEALS.board_url).content.decode()


def test_a_move_to_lost_takes_the_reason_along_and_is_undone_with_it(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    deal = deal_in(owner, stages["New"])
    reason = LostReason.objects.filter(organization_id=owner.organization_id)[0]
    address = DEALS.reverse("move", deal.pk)
    sent = {"column": str(stages["Lost"].pk), "_version": "1", "lost_reason_id": "x"}
    htmx = {"HX-Request": "true"}
    assert browser.post(address, sent, headers=htmx).status_code == 400
    sent["lost_reason_id"] = str(reason.pk)
    moved = browser.post(address, sent, headers=htmx)
    assert moved.status_code == 200
    deal.refresh_from_db()
    assert (deal.status, deal.lost_reason_id, deal.version) == (Status.LOST, reason.pk, 2)
    undo(by=owner, action_id=moved.context["action_id"])
    deal.refresh_from_db()
    assert (deal.status, deal.lost_reason_id) == (Status.OPEN, None)
    # Another stage asks for none, and takes none.
    skipped = {"column": str(stages["Won"].pk), "_version": "3", "lost_reason_id": str(reason.pk)}
    assert browser.post(address, skipped, headers=htmx).status_code == 200
    deal.refresh_from_db()
    assert (deal.status, deal.lost_reason_id) == (Status.WON, None)


def test_each_move_is_a_line_of_the_timeline(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    deal = deal_in(owner, stages["New"])
    DealMove.objects.filter(deal=deal).update(at=timezone.now() - timedelta(days=9, hours=1))
    move_card(by=owner, record=DEALS, pk=deal.pk, column=str(stages["Qualified"].pk))
    update_deal(by=owner, pk=deal.pk, stage_id=stages["Won"].pk)
    page = timeline(owner, DEALS, deal, kind="moves")
    assert [(each.title, each.text, each.actor) for each in page.entries] == [
        ("Qualified → Won", "After less than a day", owner.user.name),
        ("New → Qualified", "After 9 days", owner.user.name),
    ]
    # Page by page the same, each with the time since the move before it.
    first = timeline(owner, DEALS, deal, kind="moves", limit=1)
    second = timeline(owner, DEALS, deal, kind="moves", limit=1, cursor=first.next_cursor)
    assert [*first.entries, *second.entries] == page.entries
    # A stage that was renamed since is called as it was then.
    update_stage(by=owner, pk=stages["Qualified"].pk, name="Other")
    assert "New → Qualified" in browser.get(DEALS.url_of(deal)).content.decode()


def test_deals_stand_on_the_page_of_their_customer_and_company(
    browser: Client, owner: Membership, organization: Organization, stages: dict[str, Stage]
) -> None:
    company = Company.objects.create(organization=organization, name="Sen")
    person = Customer.objects.create(
        organization=organization, name="An", stage="customer", company=company
    )
    deal_in(owner, stages["New"], "Beans for An", customer_id=person.pk)
    deal_in(owner, stages["Won"], "Of nobody")
    for record, row, new in (
        ("customers", person, f"?customer_id={person.pk}&company_id={company.pk}"),
        ("companies", company, f"?company_id={company.pk}"),
    ):
        page = browser.get(get_record(record).url_of(row)).content.decode()
        assert "Beans for An" in page
        assert "Of nobody" not in page
        assert f"{DEALS.new_url}{new}".replace("&", "&amp;") in page
        form = browser.get(f"{DEALS.new_url}{new}").context["form"]
        assert form["company_id"].value() == str(company.pk)
    for number in range(12):
        deal_in(owner, stages["New"], f"Deal {number}", customer_id=person.pk)
    page = browser.get(get_record("customers").url_of(person)).content.decode()
    assert "Show all 13 deals" in page
    url = f"{DEALS.list_url}?customer_id__in={person.pk}&view=all"
    assert url.replace("&", "&amp;") in page
    assert len(browser.get(url).context["rows"]) == 13


def test_the_panel_shows_what_the_reader_may_see(
    client: Client, owner: Membership, organization: Organization, stages: dict[str, Stage]
) -> None:
    person = Customer.objects.create(organization=organization, name="An", stage="customer")
    deal_in(owner, stages["New"], "Beans for An", customer_id=person.pk)
    address = get_record("customers").url_of(person)
    blind = member_with(organization, "Kim", rights(Module.CUSTOMERS, Level.ALL))
    client.force_login(blind.user)
    assert "panel-deals" not in client.get(address).content.decode()
    own = member_with(
        organization,
        "Pat",
        Rights({Module.CUSTOMERS: Grant(Level.ALL), Module.DEALS: Grant(Level.OWN)}),
    )
    client.force_login(own.user)
    page = client.get(address).content.decode()
    assert "panel-deals" in page
    assert "Beans for An" not in page
    assert DEALS.new_url not in page


def test_the_panel_takes_as_many_queries_however_many_deals(
    browser: Client, owner: Membership, organization: Organization, stages: dict[str, Stage]
) -> None:
    person = Customer.objects.create(organization=organization, name="An", stage="customer")
    address = get_record("customers").url_of(person)
    counts = []
    for _round in range(2):
        for number in range(4):
            deal_in(owner, stages["New"], f"Deal {number}", customer_id=person.pk)
        browser.get(address)
        with CaptureQueriesContext(connection) as queries:
            browser.get(address)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_api_tells_when_a_deal_rots_and_moves_it_with_a_reason(
    owner: Membership, stages: dict[str, Stage]
) -> None:
    update_stage(by=owner, pk=stages["New"].pk, rotting_days=3)
    api = Api(owner)
    made = api.post("/api/v1/deals", {"name": "Beans", "amount": "12.5"}).json()
    assert made["stage_id"] == str(stages["New"].pk)
    assert made["rots_at"] > made["created_at"]
    reason = LostReason.objects.filter(organization_id=owner.organization_id)[0]
    lost = {"stage_id": str(stages["Lost"].pk), "lost_reason_id": str(reason.pk)}
    told = api.patch(f"/api/v1/deals/{made['id']}", lost).json()
    assert (told["status"], told["rots_at"]) == ("lost", None)
    assert told["lost_reason_id"] == str(reason.pk)


def test_the_page_moves_a_deal_along_its_stages_and_asks_why_it_was_lost(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    deal = deal_in(owner, stages["Qualified"])
    page = browser.get(DEALS.url_of(deal))
    panel = page.context["panels"][0].context
    assert [each["is_past"] for each in panel["steps"]] == [True] + [False] * 5
    assert [each["is_present"] for each in panel["steps"]][1] is True
    sent = {
        "_version": str(deal.version),
        "initial-stage_id": str(deal.stage_id),
        "stage_id": str(stages["Lost"].pk),
    }
    moved = browser.post(panel["stage_url"], sent)
    assert moved["Location"] == DEALS.url_of(deal)
    deal.refresh_from_db()
    assert deal.status == Status.LOST
    shown = browser.get(DEALS.url_of(deal))
    reason_url = shown.context["panels"][0].context["reason_url"]
    assert f'href="{reason_url}"' in shown.content.decode()
    assert list(browser.get(reason_url).context["form"].fields) == ["lost_reason_id"]
    # Somebody moved it meanwhile: one is told.
    assert browser.post(panel["stage_url"], sent).status_code in {302, 409}
    late = sent | {"stage_id": str(stages["Won"].pk)}
    assert browser.post(panel["stage_url"], late).status_code == 409
    reader = member_with(owner.organization, "Rea", rights(Module.DEALS, Level.ALL))
    client = Client()
    client.force_login(reader.user)
    assert 'name="stage_id"' not in client.get(DEALS.url_of(deal)).content.decode()


def test_many_deals_move_to_a_stage_at_once(owner: Membership, stages: dict[str, Stage]) -> None:
    deals = [deal_in(owner, stages["New"]) for _number in range(3)]
    body = {
        "action": "stage",
        "stage_id": str(stages["Won"].pk),
        "ids": [str(each.pk) for each in deals],
    }
    api = Api(owner)
    done = api.post("/api/v1/deals/bulk", body).json()
    assert done["done"] == 3
    assert set(Deal.objects.values_list("status", flat=True)) == {Status.WON}
    api.post(f"/api/v1/undo/{done['undo_id']}")
    assert set(Deal.objects.values_list("status", flat=True)) == {Status.OPEN}
    assert DealMove.objects.count() == 9


def test_mine_are_the_open_deals_of_the_reader(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    mine = deal_in(owner, stages["New"])
    deal_in(owner, stages["New"], owner_id=None)
    deal_in(owner, stages["Won"])
    page = browser.get(DEALS.list_url, {"view": "mine"})
    assert [each.pk for each in page.context["rows"]] == [mine.pk]


def test_the_form_of_a_lost_deal_alone_has_the_reason(
    browser: Client, owner: Membership, stages: dict[str, Stage]
) -> None:
    shown = {}
    for name in ("New", "Won", "Lost"):
        edit = reverse("deals:edit", args=[deal_in(owner, stages[name]).pk])
        shown[name] = "lost_reason_id" in browser.get(edit).context["form"].fields
    assert shown == {"New": False, "Won": False, "Lost": True}
    assert "lost_reason_id" not in browser.get(reverse("deals:new")).context["form"].fields

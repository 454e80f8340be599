"""The forecast: each figure is what the list shows that it opens."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.core.money import UNITS
from crm.core.permissions import Level, Module
from crm.core.records import ListState, get_record
from crm.core.search.hits import search_pages
from crm.deals.forecast import Figure, GroupBy, Measure, forecast, recent_changes
from crm.deals.forecast.months import periods_from
from crm.deals.models import Deal, DealMove, LostReason, Stage
from crm.deals.services import create_pipeline, update_deal, update_stage
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
from tests.deals.conftest import deal_in
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db
DEALS = get_record("deals")
PAGE = "/app/deals/forecast/"


def listed(reader: Membership, url: str) -> list[Deal]:
    """Return the deals of the list at an address."""
    given = QueryDict(mutable=True)
    for name, value in parse_qsl(urlsplit(url).query):
        given.appendlist(name, value)
    return list(ListState.from_parameters(DEALS, given).rows(reader))


def month(ahead: int) -> date:
    """Return a day in the month that is so many ahead."""
    today = timezone.localdate()
    number = today.year * 12 + today.month - 1 + ahead
    return date(number // 12, number % 12 + 1, 15)


@pytest.fixture
def world(owner: Membership, stages: dict[str, Stage]) -> list[Deal]:
    """Make deals in every stage and period, of several owners, with and without a reason."""
    other = member_with(owner.organization, "Pat", rights(Module.DEALS, Level.OWN, Level.OWN))
    second = create_pipeline(by=owner, name="Wholesale")
    update_stage(by=owner, pk=stages["New"].pk, rotting_days=5)
    stages["New"].refresh_from_db()
    begun = Stage.objects.get(pipeline=second, name="Negotiation")
    reason = LostReason.objects.filter(organization_id=owner.organization_id)[0]
    made = []
    for number, (stage, ahead, owner_id) in enumerate(
        [
            (stages["New"], 0, owner.user_id),
            (stages["New"], -2, other.user_id),
            (stages["Negotiation"], 0, owner.user_id),
            (stages["Negotiation"], 3, None),
            (stages["Proposal sent"], 9, other.user_id),
            (stages["Qualified"], None, owner.user_id),
            (begun, 1, owner.user_id),
            (stages["Won"], 0, owner.user_id),
            (stages["Won"], 5, other.user_id),
            (stages["Lost"], 0, owner.user_id),
        ]
    ):
        day = None if ahead is None else month(ahead)
        made.append(
            deal_in(
                owner,
                stage,
                f"Deal {number}",
                amount=Decimal(10 ** (number % 4 + 1)),
                expected_on=day,
                owner_id=owner_id,
            )
        )
    update_deal(by=owner, pk=made[-1].pk, lost_reason_id=reason.pk)
    made.append(deal_in(owner, stages["Lost"], "Without a reason"))
    old = timezone.now() - timedelta(days=40)
    Deal.objects.filter(pk=made[1].pk).update(
        created_at=old, stage_changed_at=old, rots_at=old + timedelta(days=5)
    )
    Deal.objects.filter(pk=made[8].pk).update(created_at=old, closed_at=old)
    return made


def figures_of(reader: Membership, group_by: GroupBy, measure: Measure) -> Iterator[Figure]:
    found = forecast(reader, group_by=group_by, measure=measure)
    for row in found.rows:
        yield from row.cells
        yield row.total
    yield from found.totals
    yield found.total


@pytest.mark.parametrize("group_by", list(GroupBy))
@pytest.mark.parametrize("measure", list(Measure))
def test_each_figure_of_the_table_is_that_of_its_list(
    owner: Membership, world: list[Deal], group_by: GroupBy, measure: Measure
) -> None:
    figures = list(figures_of(owner, group_by, measure))
    assert any(each.count for each in figures)
    for figure in figures:
        deals = listed(owner, figure.url)
        assert len(deals) == figure.count, figure.where
        parts = [
            Decimal(each.amount_units)
            / UNITS
            * (each.stage.probability if measure == Measure.WEIGHTED else 100)
            / 100
            for each in deals
        ]
        assert sum(parts, Decimal(0)) == figure.amount, figure.where


def test_the_table_sums_rows_and_months(owner: Membership, world: list[Deal]) -> None:
    found = forecast(owner, group_by=GroupBy.OWNER, measure=Measure.TOTAL)
    assert [row.label for row in found.rows] == [owner.user.name, "Pat", "Nobody"]
    assert [each.count for each in found.totals] == [1, 2, 1, 0, 1, 0, 0, 1, 1]
    assert found.total.count == sum(each.total.count for each in found.rows) == 7
    weighted = forecast(owner, measure=Measure.WEIGHTED)
    # Deal 0: 10 at 10 %, deal 2: 1000 at 70 %.
    assert weighted.totals[1].amount == Decimal(701)
    committed = forecast(owner, measure=Measure.COMMITTED)
    # Deal 2 and, won in this month, deal 7.
    assert (committed.totals[1].count, committed.totals[1].amount) == (2, 1000 + 10_000)


def test_the_months_go_over_the_end_of_a_year() -> None:
    keys = [each.key for each in periods_from(date(2026, 11, 30))]
    assert keys == [
        *("earlier", "2026-11", "2026-12", "2027-01", "2027-02", "2027-03", "2027-04"),
        *("later", "none"),
    ]


def test_what_changed_lately_is_that_of_its_lists(owner: Membership, world: list[Deal]) -> None:
    found = recent_changes(owner)
    for key, figure in found.figures.items():
        assert len(listed(owner, figure.url)) == figure.count, key
    counts = {key: each.count for key, each in found.figures.items()}
    assert counts == {
        "open": 7,
        "rotting": 1,
        "overdue": len(
            [
                each
                for each in world[:7]
                if each.expected_on and each.expected_on < timezone.localdate()
            ]
        ),
        "new": 9,
        "moved": 0,
        "won": 1,
        "lost": 2,
    }
    update_deal(by=owner, pk=world[1].pk, stage_id=world[2].stage_id)
    assert recent_changes(owner).figures["moved"].count == 1
    shares = [(each.label, each.figure.count, each.share) for each in found.lost_reasons]
    assert shares == [("No reason given", 1, 50), ("Too expensive", 1, 50)]
    for each in found.lost_reasons:
        assert len(listed(owner, each.figure.url)) == each.figure.count


def test_the_ledger_says_by_how_much_the_pipeline_changed(
    owner: Membership, stages: dict[str, Stage]
) -> None:
    old = timezone.now() - timedelta(days=30)
    kept, won, reopened = (
        deal_in(owner, stages[name], amount=Decimal(amount))
        for name, amount in (("New", 100), ("New", 30), ("Lost", 7))
    )
    DealMove.objects.update(at=old)
    assert recent_changes(owner).inflow == 0
    deal_in(owner, stages["New"], amount=Decimal(1_000))
    update_deal(by=owner, pk=won.pk, stage_id=stages["Won"].pk)
    update_deal(by=owner, pk=reopened.pk, stage_id=stages["New"].pk)
    # From stage to stage nothing comes or goes, nor for what is won at once.
    update_deal(by=owner, pk=kept.pk, stage_id=stages["Qualified"].pk)
    deal_in(owner, stages["Won"], amount=Decimal(5))
    assert recent_changes(owner).inflow == 1_000 - 30 + 7


def test_it_is_of_what_the_reader_may_see_and_of_one_pipeline(
    owner: Membership, organization: Organization, world: list[Deal]
) -> None:
    reader = member_with(organization, "Sam", rights(Module.DEALS, Level.OWN))
    assert forecast(reader).total.count == 0
    assert all(each.count == 0 for each in recent_changes(reader).figures.values())
    second = world[6].pipeline_id
    found = forecast(owner, pipeline_id=second, measure=Measure.COMMITTED)
    assert [each.pk for each in listed(owner, found.total.url)] == [world[6].pk]
    assert recent_changes(owner, pipeline_id=second).figures["open"].count == 1


def test_amounts_without_a_rate_are_told(
    owner: Membership, stages: dict[str, Stage], browser: Client
) -> None:
    rates = get_record("exchange-rates")
    rate = rates.create(by=owner, currency="EUR", rate=2, valid_from=timezone.localdate())
    deal_in(owner, stages["New"], currency="EUR")
    assert recent_changes(owner).unrated == {}
    assert rates.delete
    rates.delete(by=owner, pk=rate.pk)
    (figure,) = recent_changes(owner).unrated.values()
    assert (figure.count, figure.amount) == (1, 100)
    page = browser.get(PAGE).content.decode()
    assert "without an exchange rate of EUR" in page
    assert f"{reverse('organizations:exchange_rates:new')}?currency=EUR" in page


def test_the_page_links_each_figure_and_takes_few_queries(
    browser: Client, owner: Membership, world: list[Deal], stages: dict[str, Stage]
) -> None:
    counts = []
    for more in (0, 30):
        for number in range(more):
            deal_in(owner, stages["New"], f"More {number}", expected_on=month(number % 8))
        browser.get(PAGE)
        with CaptureQueriesContext(connection) as queries:
            page = browser.get(PAGE)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 17
    assert page.status_code == 200
    for by in GroupBy:
        for measure in Measure:
            answer = browser.get(PAGE, {"by": by, "measure": measure})
            for row in answer.context["rows"]:
                for cell in (*row["cells"], row["total"]):
                    if cell["count"]:
                        assert cell["url"].replace("&", "&amp;") in answer.content.decode()
    assert browser.get(PAGE, {"by": "x", "measure": "y", "pipeline": "z"}).status_code == 200


def test_without_the_permission_there_is_no_forecast(
    organization: Organization, client: Client
) -> None:
    blind = member_with(organization, "Kim", rights(Module.CUSTOMERS, Level.ALL))
    client.force_login(blind.user)
    assert client.get(PAGE).status_code == 403
    assert Api(blind).get("/api/v1/deals/forecast").status_code == 403


def test_the_api_says_the_same_with_filters_that_list_it(
    owner: Membership, world: list[Deal], stranger: Membership
) -> None:
    api = Api(owner)
    told: dict[str, Any] = api.get(
        "/api/v1/deals/forecast", {"group_by": "stage", "measure": "total"}
    ).json()
    assert told["currency"] == "USD"
    assert len(told["periods"]) == len(told["sums"]) == 9
    (row,) = [each for each in told["rows"] if each["id"] == str(world[0].stage_id)]
    where = json.dumps(row["sum"]["where"])
    assert row["sum"]["count"] == len(api.get("/api/v1/deals", {"where": where}).json()["results"])
    assert told["now"]["rotting"]["count"] == 1
    assert set(told["week"]) == {"new", "moved", "won", "lost"}
    assert [each["name"] for each in told["lost_reasons"]] == ["No reason given", "Too expensive"]
    for wrong in ("group_by=x", "measure=x", "pipeline_id=x", "other=1"):
        assert api.get(f"/api/v1/deals/forecast?{wrong}").status_code == 400
    foreign = f"/api/v1/deals/forecast?pipeline_id={world[0].pipeline_id}"
    assert Api(stranger).get(foreign).status_code == 404
    assert Api(stranger).get("/api/v1/deals/forecast").json()["rows"] == []


def test_a_month_begins_at_ones_own_midnight(owner: Membership, stages: dict[str, Stage]) -> None:
    won = deal_in(owner, stages["Won"])
    hanoi = ZoneInfo("Asia/Ho_Chi_Minh")
    first = timezone.localdate(timezone=hanoi).replace(day=1)
    # An hour after midnight in Hanoi it is still the month before in New York.
    at = datetime(first.year, first.month, 1, 1, tzinfo=hanoi)
    Deal.objects.filter(pk=won.pk).update(closed_at=at)
    for zone, count in ((hanoi, 1), (ZoneInfo("America/New_York"), 0)):
        with timezone.override(zone):
            assert forecast(owner, measure=Measure.COMMITTED).totals[1].count == count


def test_it_is_found_by_its_name_by_who_may_see_deals(
    owner: Membership, organization: Organization
) -> None:
    def found(by: Membership) -> list[str]:
        return [hit.url for hit in search_pages(by, "forec")]

    assert PAGE in found(owner)
    assert PAGE not in found(member_with(organization, "Kim", rights(Module.CUSTOMERS, Level.ALL)))

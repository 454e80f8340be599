"""What follows from a change of a deal, and what an undo puts back with it."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from crm.core.jobs.models import Job
from crm.core.permissions import Grant, Level, Module, Rights
from crm.core.records import CHANGE_OWNER, get_record
from crm.core.records.boards import move_card
from crm.core.records.bulk import ChosenRow, run_bulk
from crm.core.undo.services import UndoImpossible, undo
from crm.customers.models import Customer
from crm.deals.models import Deal, LostReason, Stage, StageKind
from crm.deals.services import create_deal, update_deal
from crm.organizations.models import ExchangeRate, Membership, Organization
from tests.api.conftest import Api
from tests.jobs.counting import finish
from tests.organizations.people import member_with

pytestmark = pytest.mark.django_db(transaction=True)
DEALS = get_record("deals")
RATES = get_record("exchange-rates")


@pytest.fixture
def lost(owner: Membership) -> Deal:
    reason = LostReason.objects.create(organization=owner.organization, name="Too late")
    deal = create_deal(by=owner, name="Beans")
    stage = Stage.objects.get(kind=StageKind.LOST)
    return update_deal(by=owner, pk=deal.pk, stage_id=stage.pk, lost_reason_id=reason.pk)


def follows(deal: Deal) -> tuple[Any, ...]:
    found = Deal.objects.get(pk=deal.pk)
    return (found.stage_id, *(getattr(found, name) for name in DEALS.follows))


def test_the_undo_of_a_move_puts_the_reason_and_the_times_back(
    owner: Membership, lost: Deal
) -> None:
    before = follows(lost)
    new = Stage.objects.filter(kind=StageKind.OPEN).order_by("position").first()
    assert new is not None
    moved = move_card(by=owner, record=DEALS, pk=lost.pk, column=str(new.pk))
    assert follows(lost) != before
    assert moved.action_id
    undo(by=owner, action_id=moved.action_id)
    assert follows(lost) == before


def test_the_undo_of_an_import_puts_them_back(owner: Membership, lost: Deal) -> None:
    before, api = follows(lost), Api(owner)
    new = Stage.objects.filter(kind=StageKind.OPEN).order_by("position").first()
    assert new is not None
    content = f"Name,Stage\nBEANS,{new.full_name}\n"
    one = api.client.post("/api/v1/imports", {"record": "deals", "text": content})["Location"]
    finish(Job.objects.get(pk=api.get(one).json()["job"]))
    for step, body in (("check", {"key": "name"}), ("run", {}), ("undo", {})):
        finish(Job.objects.get(pk=api.post(f"{one}/{step}", body).json()["job"]))
        if step == "run":
            # Names are the same in capitals, as those of companies.
            assert (api.get(one).json()["report"]["updated"], Deal.objects.count()) == (1, 1)
            assert follows(lost) != before
    assert follows(lost) == before


def test_the_undo_of_a_new_owner_leaves_them(owner: Membership, lost: Deal) -> None:
    before = follows(lost)
    result = run_bulk(
        by=owner,
        record=DEALS,
        action=CHANGE_OWNER,
        chosen=[ChosenRow(lost.pk)],
        values={"owner_id": None},
    )
    assert result.action_id
    undo(by=owner, action_id=result.action_id)
    assert follows(lost) == before


def rate(by: Membership, currency: str = "EUR", worth: str = "1.5") -> ExchangeRate:
    made: ExchangeRate = RATES.create(
        by=by, currency=currency, rate=Decimal(worth), valid_from=date(2026, 1, 1)
    )
    return made


def test_a_deal_without_a_rate_is_still_edited(owner: Membership) -> None:
    found = rate(owner)
    deal = create_deal(by=owner, name="Beans", amount=Decimal(10), currency="EUR")
    assert RATES.delete is not None
    RATES.delete(by=owner, pk=found.pk)
    update_deal(by=owner, pk=deal.pk, name="Tea")
    refused = Api(owner).patch(f"/api/v1/deals/{deal.pk}", {"amount": "11"})
    assert (refused.status_code, refused.json()["field"]) == (400, "currency")


def test_a_rename_gives_a_closed_deal_no_other_worth(owner: Membership) -> None:
    found = rate(owner)
    won = Stage.objects.get(kind=StageKind.WON)
    deal = create_deal(by=owner, name="Beans", amount=Decimal(10), currency="EUR", stage_id=won.pk)
    RATES.update(by=owner, pk=found.pk, rate=Decimal(3))
    update_deal(by=owner, pk=deal.pk, name="Tea")
    deal.refresh_from_db()
    assert deal.amount_base == Decimal(15)


def test_a_rate_comes_not_back_under_another_currency(owner: Membership) -> None:
    found = rate(owner)
    assert RATES.delete is not None
    action_id = RATES.delete(by=owner, pk=found.pk)
    assert Api(owner).patch("/api/v1/organization", {"currency": "VND"}).status_code == 200
    assert action_id
    with pytest.raises(UndoImpossible, match="another currency"):
        undo(by=owner, action_id=action_id)


def test_the_own_currency_has_no_rate_and_a_day_has_one(owner: Membership, client: Client) -> None:
    rate(owner)
    own = Organization.objects.get().currency
    client.force_login(owner.user)
    for currency, text in ((own, "own"), ("EUR", "for this day already")):
        sent = {"currency": currency, "rate": "2", "valid_from": "2026-01-01"}
        page = client.post(RATES.new_url, sent)
        assert page.status_code == 422
        assert text in page.content.decode()


def test_a_hidden_customer_is_neither_erased_nor_confirmed(
    owner: Membership, organization: Organization
) -> None:
    customer = Customer.objects.create(organization=organization, name="Secret")
    deal = create_deal(by=owner, name="Beans", customer_id=customer.pk)
    rights = Rights({Module.DEALS: Grant(Level.ALL, Level.ALL)})
    api, one = Api(member_with(organization, "Pat", rights)), f"/api/v1/deals/{deal.pk}"
    read = api.get(one).json()
    assert read["customer_id"] is None
    assert api.patch(one, {"name": "Tea", "customer_id": None}).status_code == 200
    unknown = Customer.objects.create(organization=organization, name="Other")
    answers = [api.patch(one, {"customer_id": str(each)}) for each in (customer.pk, unknown.pk)]
    assert {answer.status_code for answer in answers} == {400}
    deal.refresh_from_db()
    assert (deal.name, deal.customer_id) == ("Tea", customer.pk)


@pytest.mark.parametrize("words", ["khach san", "SEN", "cà phê", "phe sen"])
def test_deals_are_found_by_words_anywhere_in_their_names(owner: Membership, words: str) -> None:
    create_deal(by=owner, name="Cà phê cho khách sạn Sen")
    create_deal(by=owner, name="Tea")
    found = Api(owner).get("/api/v1/deals", {"search": words}).json()["results"]
    assert [each["name"] for each in found] == ["Cà phê cho khách sạn Sen"]


def test_amount_and_currency_are_edited_together(owner: Membership, client: Client) -> None:
    deal = create_deal(by=owner, name="Beans", amount=Decimal(10))
    client.force_login(owner.user)
    for name in ("amount", "currency"):
        page = client.get(DEALS.edit_url_of(deal), {"field": name}, headers={"HX-Request": "true"})
        assert list(page.context["form"].fields) == ["amount", "currency"]

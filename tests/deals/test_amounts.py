"""What deals are worth in the organization's own currency."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from crm.core.errors import InvalidField
from crm.core.records import get_record
from crm.deals.models import Deal, DealMove, Stage
from crm.deals.services import amounts, update_deal
from crm.deals.tasks import follow_rates
from crm.organizations.models import ExchangeRate, Membership, Organization
from crm.organizations.services.currencies import today_of
from crm.organizations.services.organizations import update_organization
from tests.deals.conftest import deal_in

pytestmark = pytest.mark.django_db
RATES = get_record("exchange-rates")


def rate(by: Membership, value: str, currency: str = "EUR", ago: int = 0) -> ExchangeRate:
    day = timezone.localdate() - timedelta(days=ago)
    made: ExchangeRate = RATES.create(by=by, currency=currency, rate=Decimal(value), valid_from=day)
    return made


def worth(deal: Deal) -> Decimal | None:
    return Deal.objects.values_list("amount_base", flat=True).get(pk=deal.pk)


def test_open_deals_follow_a_rate_and_closed_ones_keep_their_worth(
    owner: Membership, stages: dict[str, Stage]
) -> None:
    first = rate(owner, "1.1", ago=2)
    open_one = deal_in(owner, stages["New"], currency="EUR")
    won = deal_in(owner, stages["Won"], currency="EUR")
    own = deal_in(owner, stages["New"])
    assert (worth(open_one), worth(won), worth(own)) == (110, 110, 100)
    rate(owner, "1.2", ago=1)
    assert (worth(open_one), worth(won), worth(own)) == (120, 110, 100)
    # One for later, and an older one, change nothing today.
    rate(owner, "9", ago=-1)
    RATES.update(by=owner, pk=first.pk, rate=Decimal("1.5"))
    assert worth(open_one) == 120
    for each in ExchangeRate.objects.all():
        assert RATES.delete
        RATES.delete(by=owner, pk=each.pk)
    assert (worth(open_one), worth(won)) == (None, 110)
    assert Deal.objects.get(pk=open_one.pk).version == 1
    with pytest.raises(InvalidField, match="no exchange rate of EUR to USD"):
        update_deal(by=owner, pk=open_one.pk, amount=Decimal(5))


def test_amounts_are_rounded_like_those_of_a_form(
    owner: Membership, stages: dict[str, Stage]
) -> None:
    rate(owner, "0.00503", "VND", ago=1)
    deal = deal_in(owner, stages["New"], currency="VND", amount=Decimal(3_001))
    by_form = worth(deal)
    Deal.objects.update(amount_base=None)
    rate(owner, "0.00503", "VND")
    assert worth(deal) == by_form == Decimal("15.10")


def test_another_currency_of_ones_own_counts_what_has_a_rate(
    owner: Membership, stages: dict[str, Stage]
) -> None:
    dollars = deal_in(owner, stages["Won"])
    update_organization(organization_id=owner.organization_id, currency="VND")
    assert worth(dollars) is None
    rate(owner, "25000", "USD")
    # Also of a closed one: what it was worth was not known.
    assert worth(dollars) == 2_500_000
    assert DealMove.objects.get(deal=dollars).amount_base is None


def test_many_deals_are_left_to_a_task_and_a_rate_becomes_valid_with_its_day(
    owner: Membership, stages: dict[str, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    rate(owner, "1.1", ago=5)
    deals = [deal_in(owner, stages["New"], currency="EUR") for _number in range(5)]
    monkeypatch.setattr(amounts, "AT_ONCE", 2)
    monkeypatch.setattr(amounts, "BATCH", 2)
    rate(owner, "1.2")
    assert sorted(str(worth(each)) for each in deals) == ["110.0000"] * 3 + ["120.0000"] * 2
    follow_rates()
    assert {worth(each) for each in deals} == {120}
    later = rate(owner, "1.3", ago=-1)
    assert {worth(each) for each in deals} == {120}
    # The day has come: nobody changes the rate.
    ExchangeRate.objects.exclude(pk=later.pk).delete()
    long_ago = timezone.now() - timedelta(days=30)
    ExchangeRate.objects.filter(pk=later.pk).update(
        valid_from=timezone.localdate(), updated_at=long_ago
    )
    follow_rates()
    assert {worth(each) for each in deals} == {130}


def test_a_rate_is_called_by_what_it_says(owner: Membership) -> None:
    base = Organization.objects.get(pk=owner.organization_id).currency
    values = {"currency": "PHP", "rate": Decimal("1445.50"), "valid_from": date(2026, 8, 3)}
    made = RATES.create(by=owner, **values)
    assert RATES.title_of(made) == f"1 PHP = 1,445.5 {base}"
    assert RATES.initial(owner) == {"valid_from": today_of(owner.organization_id)}

"""Rows, forms and requests of every record, for the tests that are asked of each."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from crm.core.records import ListState, Record, records
from crm.core.records.boards import shape_of
from crm.core.records.fields import Field
from crm.customers.models import Company, Customer
from crm.deals.models import Deal, LostReason, Stage
from crm.organizations.models import ExchangeRate, Membership, Organization
from knowledge.models import Faq, FaqCategory
from tests.umbrellas.models import Umbrella

FIRST_DAY = date(2026, 3, 1)
RATE = {"currency": "EUR", "rate": "1.0845", "valid_from": "2026-12-01"}


def _somebody(organization: Organization) -> UUID | None:
    members = Membership.objects.filter(organization=organization).order_by("pk")
    return members.values_list("user_id", flat=True).first()


def _deal(organization: Organization, number: int) -> Deal:
    stage = Stage.objects.filter(organization=organization).order_by("position")[0]
    return Deal.objects.create(
        organization=organization,
        name=f"Deal {number % 7}",
        stage=stage,
        pipeline=stage.pipeline,
        amount=number,
        amount_base=number,
        currency=organization.currency,
        expected_on=FIRST_DAY + timedelta(days=number) if number % 2 else None,
        customer=Customer.objects.get_or_create(organization=organization, name="Buyer")[0]
        if number % 2 == 0
        else None,
        owner_id=_somebody(organization) if number % 3 else None,
    )


# How a row of each record is made, and what its form is filled with.
ROWS: dict[str, Callable[[Organization, int], Any]] = {
    "customers": lambda organization, number: Customer.objects.create(
        organization=organization,
        name=f"Name {number % 7}" if number % 3 else "",
        email=f"c{number}@shop.example" if number % 2 else "",
        stage="customer" if number % 3 else "visitor",
    ),
    "companies": lambda organization, number: Company.objects.create(
        organization=organization,
        name=f"Company {number % 7}",
        domain=f"c{number}.example" if number % 2 else "",
        parent=Company.objects.filter(organization=organization).first(),
        owner_id=_somebody(organization) if number % 3 else None,
    ),
    "deals": _deal,
    "exchange-rates": lambda organization, number: ExchangeRate.objects.create(
        organization=organization,
        currency="EUR",
        rate=number + 1,
        valid_from=FIRST_DAY + timedelta(days=number),
    ),
    "faqs": lambda organization, number: Faq.objects.create(
        organization=organization,
        key=f"faq-{number}",
        language_code="en",
        question=f"Question {number}?",
        answer="Yes.",
        is_published=number % 2 == 0,
        category=FaqCategory.objects.get_or_create(
            organization=organization, slug="tea", defaults={"name": "Tea"}
        )[0],
    ),
    "lost-reasons": lambda organization, number: LostReason.objects.create(
        organization=organization, name=f"Reason {number % 7}", position=number
    ),
    "umbrellas": lambda organization, number: Umbrella.objects.create(
        organization=organization,
        name=f"Umbrella {number % 7}",
        owner_id=_somebody(organization) if number % 3 == 0 else None,
        is_lent=number % 2 == 0,
        lent_to=Customer.objects.get_or_create(organization=organization, name="Borrower")[0]
        if number % 2 == 0
        else None,
    ),
}
FORMS: dict[str, dict[str, Any]] = {
    "companies": {
        "name": "Sen Trang",
        "domain": "sentrang.example",
        "email": "hi@sentrang.example",
        "phone": "+84 236 555",
        "tax_code": "0401234567",
        "address": "12 Bạch Đằng\nĐà Nẵng",
    },
    "customers": {"name": "Ana", "email": "ana@shop.example", "phone": "+63 2 555"},
    "deals": {
        "name": "Beans for a hotel",
        "amount": "1 200,50",
        "currency": "USD",
        "expected_on": "2026-12-24",
    },
    "exchange-rates": RATE,
    "faqs": {
        "question": "Do you ship?",
        "answer": "Yes.",
        "language_code": "en",
        "is_published": True,
    },
    "lost-reasons": {"name": "Too expensive", "position": 3},
    "umbrellas": {
        "name": "Big one",
        "color": "yellow",
        "ribs": 16,
        "bought_on": "2026-02-28",
        "price": "1 200,50",
        "currency": "EUR",
        "note": "Two\nlines",
    },
}
# What two people change at the same time.
EDITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "companies": ({"name": "Another"}, {"tax_code": "0407654321"}),
    "customers": ({"name": "Another"}, {"email": ""}),
    "deals": ({"name": "Another"}, {"expected_on": "2027-01-31"}),
    "exchange-rates": ({"rate": "1.5"}, {"valid_from": "2026-11-30"}),
    "faqs": ({"question": "Another?"}, {"phrasings": ["Shipping?", "Delivery?"]}),
    "lost-reasons": ({"name": "Another"}, {"position": 7}),
    "umbrellas": ({"name": "Another"}, {"ribs": 24}),
}
# The path of its API, what creates a row, what changes it, and a filter that finds it.
APIS: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "companies": (
        "/api/v1/companies",
        {"name": "Sen Trang", "domain": "sentrang.example"},
        {"tax_code": "0401234567"},
        {"field": "domain", "op": "is", "value": "https://www.SenTrang.example/"},
    ),
    "customers": (
        "/api/v1/customers",
        {"name": "Minh", "language": "vi"},
        {"language": "ru"},
        {"field": "language_code", "op": "in", "value": ["vi"]},
    ),
    "deals": (
        "/api/v1/deals",
        {"name": "Beans for a hotel", "amount": "1200.5", "expected_on": "2026-12-24"},
        {"expected_on": "2027-01-31"},
        {"field": "expected_on", "op": "gte", "value": "2026-12-24"},
    ),
    "exchange-rates": (
        "/api/v1/exchange-rates",
        RATE,
        {"valid_from": "2026-11-30"},
        {"field": "currency", "op": "in", "value": ["EUR"]},
    ),
    "faqs": (
        "/api/v1/knowledge/faqs",
        {"question": "Do you ship?", "answer": "Yes.", "language": "en"},
        {"answer": "No."},
        {"field": "is_published", "op": "yes"},
    ),
    "lost-reasons": (
        "/api/v1/lost-reasons",
        {"name": "Too expensive", "position": 3},
        {"position": 1},
        {"field": "position", "op": "gte", "value": "3"},
    ),
    "umbrellas": (
        "/api/v1/umbrellas",
        {"name": "Big one", "ribs": 16},
        {"is_lent": True},
        {"field": "ribs", "op": "gte", "value": "16"},
    ),
}
# What tells a row that the API makes from the one before, where two may not be alike.
APART: dict[str, Callable[[int], dict[str, Any]]] = {
    "lost-reasons": lambda number: {"name": f"Too expensive {number}"},
    "exchange-rates": lambda number: {"valid_from": str(FIRST_DAY + timedelta(days=number))},
}
# What is chosen for an action on many that asks for a value.
CHOSEN: dict[str, dict[str, Any]] = {
    "companies": {"owner": {"owner_id": None}},
    "customers": {"stage": {"stage": "visitor"}, "language": {"language": "vi"}},
    "deals": {
        "stage": lambda: {"stage_id": str(Stage.objects.order_by("-position", "-pk")[0].pk)},
        "owner": {"owner_id": None},
        "expected_on": {"expected_on": "2027-01-31"},
    },
    "exchange-rates": {},
    "faqs": {"category": {"category_id": None}},
    "lost-reasons": {},
    "umbrellas": {"color": {"color": "yellow"}, "owner": {"owner_id": None}},
}
ALL = sorted(record.slug for record in records())
IMPORTED = sorted(record.slug for record in records() if record.import_keys)
QUERIES_OF_A_PAGE = 8


def make(record: Record, organization: Organization, count: int) -> list[Any]:
    known = record.model._default_manager.count()
    return [ROWS[record.slug](organization, known + number) for number in range(count)]


def shown_fields(record: Record) -> list[Field]:
    return ListState(record).shown_columns


def ids_of(record: Record, state: ListState, reader: Membership) -> list[UUID]:
    ids: list[UUID] = []
    cursor: str | None = ""
    while cursor is not None:
        page = state.page(reader, cursor)
        ids += [row.pk for row in page.rows]
        cursor = page.next_cursor
    return ids


def column_keys(record: Record, reader: Membership) -> list[str]:
    """Return the keys of a board's columns."""
    return shape_of(ListState(record), reader).keys

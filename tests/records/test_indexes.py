"""Lists stand on indexes as the application's role sees them: row-level security disables some."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from chat.models import Conversation, Widget
from crm.core import tenancy
from crm.core.database.owner import as_owner
from crm.core.permissions import Level, Module
from crm.core.records import Field, ListState, Record, get_record, parse_json, records
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role
from tests.conftest import make_member
from tests.organizations.people import give, make_team, member_with, present, rights
from tests.records.battery import make

CUSTOMERS = get_record("customers")
MANY = 600
OWNED = [each for each in records() if each.field("owner_id")]
SORTABLE = [
    pytest.param(record, field, id=f"{record.slug}-{field.name}")
    for record in records()
    for field in record.fields
    if field.is_sortable
]


@pytest.mark.django_db
@pytest.mark.parametrize(("record", "field"), SORTABLE)
def test_each_sortable_column_of_each_record_has_an_index_and_is_never_null(
    record: Record, field: Field, owner: Membership
) -> None:
    assert not record.model._meta.get_field(field.orders_by).null
    with tenancy.organization(owner.organization_id), connection.cursor() as cursor:
        # Then only rows that no index gives in this order are sorted, however few there are.
        cursor.execute("SET LOCAL enable_sort = off")
        for sign in ("", "-"):
            state = ListState(record, sort=f"{sign}{field.name}")
            ordered = state.rows(owner).order_by(f"{sign}{field.orders_by}", f"{sign}pk")
            plan = ordered[:20].explain()
            sorts = [line for line in plan.splitlines() if "Sort  (" in line]
            # Rows of the same value may still be sorted by their id.
            assert all("Incremental Sort" in line for line in sorts), plan
            assert "Index" in plan, plan


def state_of(sort: str, where: dict[str, Any] | None = None) -> ListState:
    return ListState(CUSTOMERS, parse_json(CUSTOMERS, where or {"all": []}), sort=sort)


def plan_of(state: ListState, reader: Membership) -> str:
    field = CUSTOMERS.field(state.sort_field)
    assert field
    sign = "-" if state.is_descending else ""
    return state.rows(reader).order_by(f"{sign}{field.orders_by}", f"{sign}pk")[:20].explain()


@pytest.mark.django_db(transaction=True)
def test_a_page_of_each_order_and_filter_is_read_from_its_index(
    organization: Organization, stranger_organization: Organization, owner: Membership
) -> None:
    for each in (organization, stranger_organization):
        Customer.objects.bulk_create(
            Customer(
                organization=each,
                name=f"Name {number}",
                email=f"c{number}@shop.example",
                stage="customer" if number % 3 else "visitor",
            )
            for number in range(MANY)
        )
    with as_owner() as connection, connection.cursor() as cursor:
        cursor.execute("ANALYZE customers_customer")
    is_customer = {"field": "stage", "op": "in", "value": ["customer"]}
    has_email = {"field": "email", "op": "is", "value": "c7@shop.example"}
    expected = [
        (state_of("name"), "customers_by_name"),
        (state_of("-name"), "customers_by_name"),
        (state_of("-updated_at"), "customers_by_change"),
        (state_of("-created_at"), "customers_newest_first"),
        (state_of("-created_at", is_customer), "customers_of_stage"),
        (state_of("-created_at", has_email), "customers_by_address"),
    ]
    with tenancy.organization(organization.pk):
        for state, index in expected:
            plan = plan_of(state, owner)
            assert index in plan, plan
            assert "Seq Scan" not in plan, plan


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("record", OWNED, ids=lambda record: record.slug)
def test_whose_rows_are_ones_own_is_read_from_an_index(
    record: Record, organization: Organization, owner: Membership
) -> None:
    model: Any = record.model
    (first,) = make(record, organization, 1)
    given = {
        column.attname: getattr(first, column.attname)
        for column in model._meta.concrete_fields
        if column.is_relation and not column.null
    }
    given |= {"name": "Name"} if record.field("name") else {}
    owners = [None, *(make_member(organization, f"M{n}", Role.AGENT).user for n in range(20))]
    model.objects.bulk_create(model(**given, owner=owners[number % 21]) for number in range(1_000))
    with as_owner() as other, other.cursor() as cursor:
        cursor.execute(f"ANALYZE {model._meta.db_table}")
    me = member_with(organization, "Pat", rights(record.area, Level.OWN, Level.OWN))
    with tenancy.organization(organization.pk):
        for plan in (
            ListState(record).rows(me).order_by("pk")[:20].explain(),
            ListState(
                record, parse_json(record, {"field": "owner_id", "op": "in", "value": ["me"]})
            )
            .rows(owner)
            .order_by("pk")[:20]
            .explain(),
        ):
            conditions = [line for line in plan.splitlines() if "Index Cond" in line]
            assert any("owner_id" in line for line in conditions), plan


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("level", "expected"), [(Level.OWN, MANY // 4), (Level.TEAM, MANY)], ids=["own", "team"]
)
def test_a_page_of_those_within_reach_reads_no_table_whole(
    organization: Organization,
    stranger_organization: Organization,
    widget: Widget,
    owner: Membership,
    level: Level,
    expected: int,
) -> None:
    """A quarter has no conversation, a quarter an unassigned one, a quarter one of the reader's."""
    mate = make_member(organization, "Mate", Role.AGENT)
    make_team("Shared", owner, mate)
    for each in (organization, stranger_organization):
        Customer.objects.bulk_create(
            Customer(organization=each, name=f"Name {number}") for number in range(MANY)
        )
    assignees = [None, owner.user, mate.user]
    Conversation.objects.bulk_create(
        Conversation(
            organization=organization,
            customer=customer,
            widget=widget,
            assignee=assignees[number % 4 - 1],
            opened_by=f"first-{number}",
            last_seq=1,
            last_message_at=timezone.now(),
        )
        for number, customer in enumerate(Customer.objects.filter(organization=organization))
        if number % 4
    )
    with as_owner() as owned, owned.cursor() as cursor:
        cursor.execute("ANALYZE customers_customer")
        cursor.execute("ANALYZE chat_conversation")
    reader = present(give(owner, rights(Module.CUSTOMERS, level)))
    with (
        tenancy.organization(organization.pk),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        assert Customer.objects.visible_to(reader).count() == expected
        # Conversations of one organization alone would be read whole, being so few.
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sort, index in (("name", "customers_by_name"), ("-created_at", "customers_newest")):
            plan = plan_of(state_of(sort), reader)
            assert index in plan, plan
            assert "Seq Scan" not in plan, plan

"""Lists stand on indexes as the application's role sees them: row-level security disables some."""

from typing import Any

import pytest

from crm.accounts.models import Membership, Organization
from crm.core import tenancy
from crm.core.database.owner import as_owner
from crm.core.records import ListState, get_record, parse_json
from crm.customers.models import Customer

CUSTOMERS = get_record("customers")
MANY = 600


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

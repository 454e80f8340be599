"""The plan's stored text, asked of each record: what is written counts, and may be too much."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client

from crm.billing.services.subscriptions import assign_plan
from crm.core import quotas
from crm.core.models import SavedView
from crm.core.quotas import QuotaExceeded
from crm.core.records import Record, get_record
from crm.core.stored_text import METRIC, counted_columns, size_of, typed_bytes
from crm.core.undo.services import undo
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
from tests.billing.plans import allow
from tests.records.battery import APIS, FORMS, IMPORTED, make
from tests.transfer.files import import_file

pytestmark = pytest.mark.django_db
LONG = "long " * 10


def stored(organization: Organization) -> int:
    return quotas.measured(METRIC, organization.pk)


def counted_anew(organization: Organization) -> dict[str, int]:
    """Count the text of each table by its rows."""
    found = {}
    with connection.cursor() as cursor:
        for model, columns in counted_columns().items():
            size = " + ".join(map(size_of, columns))
            table = model._meta.db_table
            cursor.execute(
                f'SELECT coalesce(sum({size}), 0) FROM "{table}"'  # noqa: S608  our own columns
                " WHERE organization_id = %s",
                [organization.pk],
            )
            found[table] = int(cursor.fetchone()[0])
    return found


def test_its_text_counts_however_it_is_written(
    record: Record, organization: Organization, stranger_organization: Organization
) -> None:
    theirs = stored(stranger_organization)
    before = stored(organization)
    rows = make(record, organization, 3)
    assert stored(organization) >= before + sum(typed_bytes(row) for row in rows[:1])
    assert stored(organization) == sum(counted_anew(organization).values())
    record.model._default_manager.filter(pk=rows[0].pk).update(version=2)
    rows[1].save()
    rows[2].delete()
    assert stored(organization) == sum(counted_anew(organization).values())
    assert stored(stranger_organization) == theirs


def test_a_plan_on_hold_adds_none_and_leaves_what_is_there(
    record: Record, organization: Organization, owner: Membership, client: Client
) -> None:
    path, body, change, _where = APIS[record.slug]
    _first, row = make(record, organization, 2)
    assign_plan(organization_id=organization.pk, plan="guest")
    api, count = Api(owner), record.model._default_manager.count()
    refused = api.post(path, body)
    assert (refused.status_code, refused.json()["code"]) == (402, "quota_exceeded")
    client.force_login(owner.user)
    page = client.post(record.new_url, FORMS[record.slug])
    assert page.status_code == 402
    assert record.model._default_manager.count() == count
    view = api.post(f"{path}/views", {"name": "Mine"})
    assert (view.status_code, view.json()["code"]) == (402, "quota_exceeded")
    assert not SavedView.objects.exists()
    shorter = {"name": "-"} if hasattr(row, "name") else {}
    assert api.patch(f"{path}/{row.pk}", shorter or change).status_code == 200


def test_longer_texts_are_refused_and_a_deleted_row_comes_back_only_where_there_is_room(
    record: Record, organization: Organization, owner: Membership
) -> None:
    path, _body, _change, _where = APIS[record.slug]
    (row,) = make(record, organization, 1)
    api = Api(owner)
    text = next(iter(name for name in ("question", "name") if hasattr(row, name)), "")
    allow(organization, stored_bytes=stored(organization))
    if text:
        refused = api.patch(f"{path}/{row.pk}", {text: LONG})
        assert (refused.status_code, refused.json()["code"]) == (402, "quota_exceeded")
    if record.delete is None or record.slug == "faqs":
        return
    action_id = record.delete(by=owner, pk=row.pk)
    assert isinstance(action_id, UUID)
    allow(organization, stored_bytes=stored(organization))
    with pytest.raises(QuotaExceeded):
        undo(by=owner, action_id=action_id)
    assert not record.visible_to(owner).filter(pk=row.pk).exists()
    allow(organization, stored_bytes=stored(organization) + 1_000)
    undo(by=owner, action_id=action_id)
    assert record.visible_to(owner).filter(pk=row.pk).exists()


@pytest.mark.parametrize("slug", IMPORTED)
def test_a_file_is_imported_as_far_as_there_is_room(
    slug: str, organization: Organization, owner: Membership
) -> None:
    record = get_record(slug)
    columns, cells = FILES[slug]
    few = import_file(owner, record, file_of(columns, cells, range(2)))
    assert few == {"created": 2}
    one = stored(organization)
    assert import_file(owner, record, file_of(columns, cells, range(2, 3))) == {"created": 1}
    one = stored(organization) - one
    allow(organization, stored_bytes=stored(organization) + 2 * one + one // 2)
    told = import_file(owner, record, file_of(columns, cells, range(3, 7)))
    assert told == {"created": 2, "faulty": 2}


FILES: dict[str, tuple[str, str]] = {
    "companies": ("Name,Website", "Company {0},c{0}.example"),
    "customers": ("Name,Email address", "Ana {0},ana{0}@shop.example"),
    "deals": ("Name,Currency", "Deal {0},USD"),
    "faqs": ("question,answer", "Question {0}?,Yes"),
    "umbrellas": ("Name,Color,Ribs,Currency", "Umbrella {0},black,8,EUR"),
}


def file_of(columns: str, cells: str, numbers: range) -> bytes:
    return "\n".join([columns, *(cells.format(number) for number in numbers)]).encode()


def test_asking_costs_two_queries_however_much_there_is(
    record: Record, organization: Organization, owner: Membership, django_assert_num_queries: Any
) -> None:
    make(record, organization, 5)
    allow(organization, stored_bytes=10**9)
    with django_assert_num_queries(2):
        quotas.check_quota(METRIC, organization_id=organization.pk, amount=0)
    # Near the limit they wait for each other: the lock, and what is there then.
    allow(organization, stored_bytes=stored(organization))
    with django_assert_num_queries(4):
        quotas.check_quota(METRIC, organization_id=organization.pk, amount=0)


def test_views_count_by_what_they_hold(owner: Membership, organization: Organization) -> None:
    before = stored(organization)
    api = Api(owner)
    made = api.post("/api/v1/companies/views", {"name": "Short"})
    assert made.status_code == 201
    grown = stored(organization) - before
    assert grown > len("Short")
    allow(organization, stored_bytes=stored(organization))
    refused = api.patch(made["Location"], {"name": LONG})
    assert (refused.status_code, refused.json()["code"]) == (402, "quota_exceeded")
    assert api.patch(made["Location"], {"name": "S"}).status_code == 200
    assert SavedView.objects.get().name == "S"

"""What every record with a timeline does, asked of each that is registered."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.core.models import Note
from crm.core.permissions import Level, Module
from crm.core.records import get_record, records
from crm.core.records.notes import create_note
from crm.core.records.pages.timeline import MAX_NAMES
from crm.core.records.timeline import timeline
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
from tests.compliance.audits import settle
from tests.compliance.test_pages import client_of
from tests.organizations.people import member_with, rights
from tests.records.battery import APIS, EDITS, FORMS, QUERIES_OF_A_PAGE, make

pytestmark = pytest.mark.django_db
TIMELINES = sorted(record.slug for record in records() if record.has_timeline)


@pytest.mark.parametrize("slug", TIMELINES)
def test_the_timeline_tells_what_happened_and_by_whom(
    slug: str, organization: Organization, browser: Client, owner: Membership
) -> None:
    record = get_record(slug)
    browser.post(record.new_url, FORMS[slug])
    settle()
    (row,) = record.visible_to(owner)
    first, _second = EDITS[slug]
    name, value = next(iter(first.items()))
    browser.post(
        record.edit_url_of(row),
        record.form_values_of(row) | {name: value, "_version": str(row.version)},
    )
    settle()
    browser.post(record.reverse("add_note", row.pk), {"text": "Called back.\nTwice."})
    page = timeline(owner, record, record.visible_to(owner).get())
    assert [entry.kind for entry in page.entries] == ["notes", "changes", "changes"]
    note, changed, created = page.entries
    assert (note.text, note.actor) == ("Called back.\nTwice.", owner.user.name)
    assert (changed.actor, created.actor) == (owner.user.name, owner.user.name)
    told = {each.field: (each.before, each.after) for each in changed.changes}
    assert told[name] == (FORMS[slug][name], value)
    assert created.changes == []
    shown = browser.get(record.url_of(row)).content.decode()
    assert "Called back." in shown
    assert str(value) in shown
    assert page.next_cursor is None


@pytest.mark.parametrize("slug", TIMELINES)
def test_each_entry_of_a_timeline_stands_on_one_page(
    slug: str, organization: Organization, owner: Membership
) -> None:
    record = get_record(slug)
    (row,) = make(record, organization, 1)
    # Four at one moment: the cursor tells them apart.
    for number in range(7):
        create_note(by=owner, record=record, row_id=row.pk, text=f"Note {number}")
    same = Note.objects.order_by("pk")[3].created_at
    Note.objects.filter(pk__in=Note.objects.order_by("pk").values("pk")[2:6]).update(
        created_at=same
    )
    settle()
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = timeline(owner, record, row, cursor=cursor, limit=2)
        found += [entry.place for entry in page.entries]
        cursor = page.next_cursor
    whole = [entry.place for entry in timeline(owner, record, row, limit=50).entries]
    assert found == whole == sorted(whole, reverse=True)
    assert len(whole) == 8


@pytest.mark.parametrize("slug", TIMELINES)
def test_a_timeline_takes_as_many_queries_however_long_it_is(
    slug: str, organization: Organization, browser: Client, owner: Membership
) -> None:
    record = get_record(slug)
    (row,) = make(record, organization, 1)
    counts = []
    for count in (2, 15):
        for number in range(count):
            create_note(by=owner, record=record, row_id=row.pk, text=f"Note {number}")
        settle()
        browser.get(record.url_of(row))
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(record.url_of(row)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= QUERIES_OF_A_PAGE + 6 + len(record.relations)


@pytest.mark.parametrize("slug", TIMELINES)
def test_notes_and_the_timeline_by_the_api(
    slug: str,
    organization: Organization,
    owner: Membership,
    colleague: Membership,
    stranger: Membership,
) -> None:
    record = get_record(slug)
    (row,) = make(record, organization, 1)
    settle()
    path = f"{APIS[slug][0]}/{row.pk}"
    api = Api(owner)
    made = api.post(f"{path}/notes", {"text": "Called back."}, Idempotency_Key="a1")
    again = api.post(f"{path}/notes", {"text": "Called back."}, Idempotency_Key="a1")
    assert (made.status_code, again.json()) == (201, made.json())
    assert Note.objects.count() == 1
    one = made["Location"]
    etag = api.get(one)["ETag"]
    changed = api.patch(one, {"text": "Called twice."}, If_Match=etag)
    assert (changed.status_code, changed.json()["text"]) == (200, "Called twice.")
    assert api.patch(one, {"text": "Thrice."}, If_Match=etag).status_code == 412
    assert api.get(one).json()["text"] == "Called twice."
    settle()
    listed = api.get(f"{path}/timeline?limit=1").json()
    assert [each["text"] for each in listed["results"]] == ["Called twice."]
    more = api.get(f"{path}/timeline?limit=1&cursor={listed['next_cursor']}").json()
    assert [each["kind"] for each in more["results"]] == ["changes"]
    only = api.get(f"{path}/timeline?kind=changes").json()
    assert [each["kind"] for each in only["results"]] == ["changes"]
    for wrong in ("kind=nothing", "cursor=x", "limit=1000", "other=1"):
        assert api.get(f"{path}/timeline?{wrong}").status_code == 400, wrong
    assert api.post(f"{path}/notes", {"text": " "}).status_code == 400
    assert api.post(f"{path}/notes", {"text": "x" * 5_001}).status_code == 400
    for method, address in (("get", f"{path}/timeline"), ("post", f"{path}/notes"), ("get", one)):
        answer = getattr(Api(stranger), method)(
            address, **({"body": {"text": "x"}} if method == "post" else {})
        )
        assert answer.status_code == 404, address
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404


@pytest.mark.parametrize("slug", TIMELINES)
def test_names_behind_an_at_are_those_of_colleagues_who_may_see_the_row(
    slug: str,
    organization: Organization,
    stranger: Membership,
    owner: Membership,
    browser: Client,
    viewer: Membership,
) -> None:
    record = get_record(slug)
    (row,) = make(record, organization, 1)
    for name in ("Thảo", "Theo", "Lan"):
        member_with(organization, name, rights(record.area, Level.ALL, Level.ALL))
    # Who may not see the row.
    member_with(organization, "Thilo", rights(Module.BILLING, Level.ALL, Level.NONE))

    def names(q: str, who: Client = browser) -> list[str]:
        answer = who.get(record.reverse("mention_names", row.pk), {"q": q})
        return sorted(answer.json()["names"])

    assert names("th") == ["Theo", "Thảo"]
    assert names("THAO") == ["Thảo"]
    assert names("Olga") == []
    assert names("Sam") == []
    assert len(names("")) <= MAX_NAMES
    address = record.reverse("mention_names", row.pk)
    assert client_of(viewer).get(address).status_code == 403
    assert client_of(stranger).get(address).status_code == 404

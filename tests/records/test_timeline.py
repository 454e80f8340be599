"""Timelines and notes: what is told, to whom, and what undo and conflicts do."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from chat.models import Conversation
from crm.core import tenancy
from crm.core.database.owner import as_owner
from crm.core.errors import Forbidden, InvalidField
from crm.core.ids import uuid7
from crm.core.models import Note
from crm.core.permissions import ApiKeyPrincipal, Grant, Level, Module, Rights
from crm.core.records import get_record
from crm.core.records.notes import (
    NoteNotFound,
    NoteNotYours,
    create_note,
    delete_note,
    purge_notes,
    update_note,
)
from crm.core.records.timeline import timeline
from crm.core.undo.services import undo
from crm.core.versions import EditedMeanwhile
from crm.customers.errors import CustomerNotFound
from crm.customers.models import Customer
from crm.customers.services import update_customer
from crm.organizations.models import CustomRole, Membership, Organization
from tests.compliance.audits import entries, settle, values_of
from tests.umbrellas.models import Umbrella

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")
UMBRELLAS = get_record("umbrellas")


def note_on(by: Membership, customer: Customer, text: str = "Called back.") -> Note:
    return create_note(by=by, record=CUSTOMERS, row_id=customer.pk, text=text)


def kinds(reader: Membership, row: Any, record: Any = CUSTOMERS, **asked: Any) -> list[str]:
    settle()
    return [entry.kind for entry in timeline(reader, record, row, **asked).entries]


def test_chat_adds_the_conversations_that_the_reader_may_see(
    customer: Customer, conversation: Conversation, owner: Membership, organization: Organization
) -> None:
    assert kinds(owner, customer, kind="conversations") == ["conversations"]
    (entry,) = timeline(owner, CUSTOMERS, customer, kind="conversations").entries
    assert entry.url == f"/app/inbox/{conversation.pk}/"
    role = CustomRole.objects.create(
        organization=organization,
        name="No inbox",
        grants={"customers": {"read": "all", "write": "all"}},
    )
    owner.custom_role = role
    owner.save()
    assert kinds(owner, customer, kind="conversations") == []


def test_changes_are_in_words_and_name_only_declared_fields(
    customer: Customer, owner: Membership
) -> None:
    update_customer(by=owner, customer_id=customer.pk, language_code="vi", stage="customer")
    Customer.objects.filter(pk=customer.pk).update(
        external_id="secret-42", identity_space=customer.pk, verified_at=timezone.now()
    )
    settle()
    hidden, changed, _created = timeline(owner, CUSTOMERS, customer, kind="changes").entries
    assert hidden.changes == []
    told = {each.label: (each.before, each.after) for each in changed.changes}
    assert told["Language"] == ("", "Vietnamese")


def test_a_relation_is_named_only_to_who_may_see_its_row(
    customer: Customer, owner: Membership, organization: Organization
) -> None:
    umbrella = Umbrella.objects.create(organization=organization, name="Big one")
    UMBRELLAS.update(by=owner, pk=umbrella.pk, lent_to_id=customer.pk)
    settle()
    changed = timeline(owner, UMBRELLAS, umbrella).entries[0]
    assert [(each.field, each.before, each.after) for each in changed.changes] == [
        ("lent_to_id", "", customer.display_name)
    ]
    Customer.objects.filter(pk=customer.pk).delete()
    settle()
    changed = timeline(owner, UMBRELLAS, umbrella).entries[1]
    assert [(each.before, each.after) for each in changed.changes] == [("", None)]


def test_only_who_may_change_the_row_writes_a_note_and_only_its_author_changes_it(
    customer: Customer,
    owner: Membership,
    agent: Membership,
    viewer: Membership,
    stranger: Membership,
) -> None:
    with pytest.raises(Forbidden):
        note_on(viewer, customer)
    with pytest.raises(CustomerNotFound):
        note_on(stranger, customer)
    with pytest.raises(InvalidField):
        note_on(owner, customer, "\u200b")
    note = note_on(owner, customer)
    where: dict[str, Any] = {"record": CUSTOMERS, "row_id": customer.pk, "note_id": note.pk}
    with pytest.raises(CustomerNotFound):
        update_note(by=stranger, version=None, text="Mine now.", **where)
    customer.conversations.update(assignee=agent.user)
    for by in (agent,):
        with pytest.raises(NoteNotYours):
            update_note(by=by, version=None, text="Mine now.", **where)
        with pytest.raises(NoteNotYours):
            delete_note(by=by, **where)
    other = Customer.objects.create(organization=customer.organization, name="Other")
    with pytest.raises(NoteNotFound):
        delete_note(by=owner, record=CUSTOMERS, row_id=other.pk, note_id=note.pk)
    update_note(by=owner, version=note.version, text="Twice.", **where)
    with pytest.raises(EditedMeanwhile):
        update_note(by=owner, version=note.version, text="Thrice.", **where)
    note.refresh_from_db()
    assert (note.text, note.edited_at is None) == ("Twice.", False)


def test_the_conflict_of_two_tabs_shows_both_texts(
    customer: Customer, owner: Membership, client: Client
) -> None:
    client.force_login(owner.user)
    note = note_on(owner, customer, "First")
    address = CUSTOMERS.reverse("edit_note", customer.pk, note.pk)
    client.post(address, {"text": "Second", "_version": "1", "initial-text": "First"})
    answer = client.post(address, {"text": "Third", "_version": "1", "initial-text": "First"})
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "Second" in shown
    assert "Third" in shown
    note.refresh_from_db()
    assert note.text == "Second"


def test_a_deleted_note_comes_back_but_not_to_who_lost_the_row(
    customer: Customer, owner: Membership, client: Client
) -> None:
    client.force_login(owner.user)
    note = note_on(owner, customer)
    address = CUSTOMERS.reverse("delete_note", customer.pk, note.pk)
    shown = client.post(address, {"_version": "1"}, follow=True).content.decode()
    assert "The note was deleted." in shown
    assert not Note.objects.exists()
    action = shown.split("/app/undo/")[1].split("/")[0]
    undo(by=owner, action_id=action)  # type: ignore[arg-type]
    back = Note.objects.get()
    assert (back.pk, back.text, back.author_id) == (note.pk, note.text, owner.user_id)
    action_id = delete_note(by=owner, record=CUSTOMERS, row_id=customer.pk, note_id=note.pk)
    assert action_id
    Customer.objects.filter(pk=customer.pk).delete()
    with pytest.raises(CustomerNotFound):
        undo(by=owner, action_id=action_id)
    assert not Note.objects.exists()


def test_a_refused_note_stays_on_the_page(
    customer: Customer, owner: Membership, client: Client
) -> None:
    client.force_login(owner.user)
    answer = client.post(CUSTOMERS.reverse("add_note", customer.pk), {"text": "x" * 5_001})
    assert answer.status_code == 422
    assert "x" * 5_001 in answer.content.decode()
    assert not Note.objects.exists()


def test_the_text_of_a_note_stays_out_of_the_audit(customer: Customer, owner: Membership) -> None:
    from crm.compliance.models import AuditEntry, AuditValues

    note_on(owner, customer, "Has a secret illness.")
    settle()
    (entry,) = AuditEntry.objects.of(owner.organization_id).filter(object_type="note")
    assert entry.details["fields"] == ["text"]
    assert not AuditValues.objects.filter(at=entry.at).exclude(data=None).exists()


def test_notes_outlive_a_deletion_that_is_undone_and_go_with_one_that_is_not(
    owner: Membership, organization: Organization
) -> None:
    umbrella = Umbrella.objects.create(organization=organization, name="Big one")
    create_note(by=owner, record=UMBRELLAS, row_id=umbrella.pk, text="Torn.")
    assert UMBRELLAS.delete is not None
    action_id = UMBRELLAS.delete(by=owner, pk=umbrella.pk)
    assert action_id
    assert purge_notes() == 0
    undo(by=owner, action_id=action_id)
    assert purge_notes() == 0
    note = Note.objects.get()
    assert note.orphaned_at is None
    UMBRELLAS.delete(by=owner, pk=umbrella.pk)
    purge_notes()
    Note.objects.update(orphaned_at=timezone.now() - timedelta(days=3))
    assert purge_notes() == 1


def test_htmx_gets_the_entries_alone(customer: Customer, owner: Membership, client: Client) -> None:
    client.force_login(owner.user)
    for number in range(25):
        note_on(owner, customer, f"Note {number}")
    settle()
    page = client.get(CUSTOMERS.url_of(customer))
    address = page.context["timeline_next"]
    more = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert more.strip().startswith("<li")
    assert "Note 0" in more
    assert client.get(CUSTOMERS.url_of(customer) + "?cursor=x").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_notes_and_changes_are_read_from_their_indexes(
    organization: Organization, stranger_organization: Organization
) -> None:
    rows = Customer.objects.bulk_create(
        Customer(organization=organization, name=f"Name {number}") for number in range(300)
    )
    Note.objects.bulk_create(
        Note(
            organization=organization,
            record="customers",
            row_id=row.pk,
            author_name="An",
            text="x",
        )
        for row in rows
        for _each in range(5)
    )
    with as_owner() as outer, outer.cursor() as cursor:
        cursor.execute("ANALYZE core_note")
        cursor.execute("ANALYZE compliance_auditentry")
    from crm.compliance.models import AuditEntry

    with tenancy.organization(organization.pk):
        notes = Note.objects.of_row(
            organization_id=organization.pk, record="customers", row_id=rows[0].pk
        )
        plan = notes.order_by("-created_at", "-pk")[:21].explain()
        assert "notes_of_row" in plan, plan
        entries = AuditEntry.objects.of(organization.pk).about("customer", str(rows[0].pk))
        plan = entries.order_by("-at", "-id")[:21].explain()
        month = f"compliance_auditentry_{timezone.now():%Y%m}"
        assert f"using {month}_organization_id_object_type" in plan, plan
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM core_note")
            assert cursor.fetchone()[0] == 1_500
    with tenancy.organization(stranger_organization.pk):
        assert not Note.objects.exists()


def test_a_note_of_an_api_key_is_changed_by_that_key_alone(
    customer: Customer, owner: Membership
) -> None:
    granted = Rights({Module.CUSTOMERS: Grant(Level.ALL, Level.ALL)})
    one, other = (
        ApiKeyPrincipal(owner.organization_id, granted, key_id, name="Shop")
        for key_id in (str(uuid7()), str(uuid7()))
    )
    asked: dict[str, Any] = {"record": CUSTOMERS, "row_id": customer.pk}
    theirs = create_note(by=one, **asked, text="By a key.")
    mine = create_note(by=owner, **asked, text="By a member.")
    # Whose author has left is no key's.
    left = create_note(by=owner, **asked, text="By somebody who left.")
    Note.objects.filter(pk=left.pk).update(author=None)
    for note in (theirs, mine, left):
        for by in (other, owner) if note == theirs else (other,):
            with pytest.raises(NoteNotYours):
                update_note(by=by, **asked, note_id=note.pk, version=None, text="Not theirs.")
        with pytest.raises(NoteNotYours):
            delete_note(by=other, **asked, note_id=note.pk)
    changed = update_note(by=one, **asked, note_id=theirs.pk, version=None, text="Again.")
    assert changed.text == "Again."
    delete_note(by=one, **asked, note_id=theirs.pk)
    delete_note(by=owner, **asked, note_id=left.pk)


def test_amounts_are_told_as_they_are_stored(owner: Membership, organization: Organization) -> None:
    umbrella = Umbrella.objects.create(organization=organization, name="Big", price="1.50")
    UMBRELLAS.update(by=owner, pk=umbrella.pk, price=Decimal("99999999999999.99"), ribs=16)
    settle()
    changed = timeline(owner, UMBRELLAS, umbrella).entries[0]
    told = {each.field: (each.before, each.after) for each in changed.changes}
    assert told == {"price": ("1.5", "99,999,999,999,999.99"), "ribs": ("8", "16")}
    (entry,) = entries(organization.pk, "umbrella.updated")
    assert values_of(entry).data == {"price": ["1.5", "99999999999999.99"], "ribs": [8, 16]}


def test_rates_are_told_with_the_places_that_they_have(owner: Membership) -> None:
    rates = get_record("exchange-rates")
    day = timezone.localdate()
    rate = rates.create(by=owner, currency="EUR", rate=Decimal(27000), valid_from=day)
    rates.update(by=owner, pk=rate.pk, rate=Decimal("27000.12345678"))
    settle()
    (change,) = timeline(owner, rates, rate).entries[0].changes
    assert (change.before, change.after) == ("27,000", "27,000.12345678")

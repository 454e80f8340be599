"""What pages refuse and keep: forms that come too fast, and edits of nobody knows which version."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.core.models import Note
from crm.core.records import get_record
from crm.core.records.notes import create_note
from crm.core.transfer.models import Import
from crm.customers.models import Customer
from crm.organizations.models import Membership

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")


@pytest.fixture
def an(owner: Membership) -> Customer:
    return Customer.objects.create(organization=owner.organization, name="An", stage="customer")


@pytest.fixture
def used_up(browser: Client, settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"form.user": "1/3600"}
    assert browser.post(CUSTOMERS.new_url, {"name": "First"}).status_code == 302


@pytest.mark.usefixtures("used_up")
def test_forms_that_come_too_fast_are_refused_and_keep_what_was_typed(
    browser: Client, an: Customer, owner: Membership
) -> None:
    note = create_note(by=owner, record=CUSTOMERS, row_id=an.pk, text="Called.")
    version = {"_version": str(an.version)}
    forms: list[tuple[str, dict[str, Any], str]] = [
        (CUSTOMERS.new_url, {"name": "Binh typed"}, "Binh typed"),
        (CUSTOMERS.edit_url_of(an), {"name": "Binh typed", **version}, "Binh typed"),
        (CUSTOMERS.reverse("add_note", an.pk), {"text": "Typed note"}, "Typed note"),
        (
            CUSTOMERS.reverse("edit_note", an.pk, note.pk),
            {"text": "Typed note", "_version": str(note.version)},
            "Typed note",
        ),
    ]
    for url, sent, typed in forms:
        answer = browser.post(url, sent)
        text = answer.content.decode()
        assert answer.status_code == 429, url
        assert typed in text, url
        assert "Too many requests." in text, url
        assert answer["X-RateLimit-Remaining"] == "0"
    bulk = {"action": "language", "rows": an.pk.hex, "language_code": "vi"}
    refused = browser.post(f"{CUSTOMERS.list_url}bulk/run/", bulk)
    assert refused.status_code == 429
    assert f'value="{an.pk.hex}"' in refused.content.decode()
    file = SimpleUploadedFile("a.csv", b"name\nBinh\n")
    begun = browser.post("/app/import/customers/new/", {"file": file})
    assert begun.status_code == 429
    an.refresh_from_db()
    note.refresh_from_db()
    assert (an.name, note.text, Note.objects.count()) == ("An", "Called.", 1)
    assert set(Customer.objects.values_list("name", flat=True)) == {"An", "First"}
    assert not Import.objects.exists()


def test_an_edit_without_its_version_is_a_conflict_that_keeps_the_text(
    browser: Client, an: Customer, owner: Membership
) -> None:
    note = create_note(by=owner, record=CUSTOMERS, row_id=an.pk, text="Called.")
    for url, name in (
        (CUSTOMERS.edit_url_of(an), "name"),
        (CUSTOMERS.reverse("edit_note", an.pk, note.pk), "text"),
    ):
        refused = browser.post(url, {name: "Typed"})
        assert refused.status_code == 409, url
        assert "Typed" in refused.content.decode()
        form = refused.context["form"]
        stored = browser.post(url, {name: "Typed", "_version": str(form.edited_version)})
        assert stored.status_code == 302, url
    an.refresh_from_db()
    note.refresh_from_db()
    assert (an.name, note.text) == ("Typed", "Typed")


@pytest.mark.usefixtures("used_up")
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_what_is_no_form_is_refused_as_one_that_comes_too_fast(
    browser: Client, an: Customer, kind: str
) -> None:
    for url in (CUSTOMERS.new_url, CUSTOMERS.edit_url_of(an), CUSTOMERS.reverse("add_note", an.pk)):
        answer = browser.post(url, "{}", content_type=kind, headers={"X-CSRFToken": "x"})
        assert answer.status_code in {409, 422, 429}, (url, answer.status_code)

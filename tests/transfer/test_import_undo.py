"""Undoing an import: what it did goes, what others did since stays."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from crm.compliance.services.legal_holds import place_hold
from crm.core.errors import NotFound
from crm.core.jobs.running import run_job
from crm.core.jobs.services import cancel_job
from crm.core.models import Note
from crm.core.permissions import SystemPrincipal
from crm.core.records import get_record
from crm.core.records.notes import create_note
from crm.core.transfer import importing
from crm.core.transfer.importing import purge_imports
from crm.core.transfer.models import Import, ImportPart, ImportState, PartKind
from crm.core.transfer.undoing import undo_entries
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.authentication.test_two_at_once import await_lock_waits
from tests.conftest import make_conversation
from tests.transfer.pages import FILE, checked, counts, imported, post, press, uploaded

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")


def test_a_cancelled_import_keeps_what_it_did_and_can_be_undone(
    browser: Client, owner: Membership
) -> None:
    found = checked(browser, uploaded(browser, FILE.encode()))
    press(browser, found, "run")
    found.refresh_from_db()
    assert found.job
    run_job(job_id=found.job.pk, seconds=0)
    cancel_job(by=owner, job_id=found.job.pk)
    found.refresh_from_db()
    assert (found.state, counts(found.report)) == ("stopped", (2, 0, 0, 0))
    page = f"/app/import/{found.pk}/"
    assert "4 rows were not looked at. To go on, import" in browser.get(page).content.decode()
    # Without a key the same file would add all of it once more.
    Import.objects.filter(pk=found.pk).update(key="")
    assert "not looked at.</p>" in browser.get(page).content.decode()
    assert post(browser, found, "undo").undo_report == {"removed": 2}
    assert not Customer.objects.exists()


def test_an_undo_leaves_what_was_changed_or_used_since(
    browser: Client, owner: Membership, present: Customer, widget: Any
) -> None:
    rows = "".join(f"C{number},c{number}@shop.example,{number},\n" for number in range(4))
    found = imported(browser, f"Name,Email,Phone,Language\nBo,bo@shop.example,777,vi\n{rows}")
    assert counts(found.report) == (4, 1, 0, 0)
    people = {each.name: each for each in Customer.objects.all()}
    CUSTOMERS.update(by=owner, pk=people["C0"].pk, phone="999")
    make_conversation(people["C1"], widget, first="Hello")
    people["C2"].delete()
    # Of the one that was there, one field was changed since.
    CUSTOMERS.update(by=owner, pk=present.pk, language_code="ru")
    found = post(browser, found, "undo")
    assert found.undo_report == {"removed": 1, "partly": 1, "changed": 1, "used": 1, "gone": 1}
    assert "Put back in part" in browser.get(f"/app/import/{found.pk}/").content.decode()
    present.refresh_from_db()
    assert (present.name, present.phone, present.language_code) == ("Bob", "", "ru")
    assert set(Customer.objects.values_list("name", flat=True)) == {"Bob", "C0", "C1"}
    assert found.state == ImportState.UNDONE
    assert press(browser, found, "undo").status_code == 409


def undo_of(found: Import, by: Membership) -> Counter[str]:
    """Undo an import in one transaction."""
    journal = [entry for part in ImportPart.read(found, PartKind.JOURNAL) for entry in part]
    with transaction.atomic():
        return undo_entries(by, CUSTOMERS, journal)


def alone(do: Callable[[], Any]) -> Any:
    """Do something over a connection of this thread, which is closed then."""
    try:
        return do()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_an_undo_waits_for_a_note_that_is_being_written(browser: Client, owner: Membership) -> None:
    found = imported(browser, "Name,Email\nAna,ana@shop.example\nBo,bo@shop.example\n")
    ana = Customer.objects.get(name="Ana")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            note = create_note(by=owner, record=CUSTOMERS, row_id=ana.pk, text="Called back.")
            undone = pool.submit(alone, lambda: undo_of(found, owner))
            await_lock_waits(1)
        assert undone.result(timeout=60) == {"removed": 1, "used": 1}
    assert Note.objects.get().pk == note.pk
    assert Customer.objects.get().pk == ana.pk


@pytest.mark.django_db(transaction=True)
def test_a_note_waits_for_an_undo_and_is_refused_where_its_row_goes(
    browser: Client, owner: Membership
) -> None:
    found = imported(browser, "Name,Email\nAna,ana@shop.example\n")
    ana = Customer.objects.get()

    def write() -> str:
        try:
            create_note(by=owner, record=CUSTOMERS, row_id=ana.pk, text="Called back.")
        except NotFound as refusal:
            return refusal.code
        return "written"

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert undo_of(found, owner) == {"removed": 1}
            written = pool.submit(alone, write)
            await_lock_waits(1)
        assert written.result(timeout=60) == "customer_not_found"
    assert not Note.objects.exists()


def test_an_undo_is_of_the_report_that_was_shown(browser: Client) -> None:
    found = imported(browser)
    answer = press(browser, found, "undo", job="")
    assert (answer.status_code, Import.objects.get().state) == (409, "done")
    assert "The import has gone on meanwhile." in answer.content.decode()


@pytest.mark.parametrize("is_whole", [True, False])
def test_an_undo_leaves_who_is_under_a_legal_hold(
    browser: Client, owner: Membership, *, is_whole: bool
) -> None:
    found = imported(browser, "Name,Email\nAn,an@shop.example\nBo,bo@shop.example\n")
    held = Customer.objects.get(name="An")
    subject = "" if is_whole else f"customer:{held.pk}"
    place_hold(by=SystemPrincipal(owner.organization_id), reason="Case 17", subject=subject)
    found = post(browser, found, "undo")
    assert found.undo_report == ({"refused": 2} if is_whole else {"removed": 1, "refused": 1})
    assert set(Customer.objects.values_list("name", flat=True)) >= {"An"}


def test_what_can_no_longer_be_undone_goes(browser: Client) -> None:
    found = imported(browser)
    then = timezone.now() - importing.UNDO_FOR - timedelta(days=1)
    Import.objects.filter(pk=found.pk).update(finished_at=then)
    assert press(browser, found, "undo").status_code == 409
    assert set(found.parts.values_list("kind", flat=True)) == {"journal", "faults"}
    purge_imports()
    assert not ImportPart.objects.exists()

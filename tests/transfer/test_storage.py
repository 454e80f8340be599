"""What imports store for an organization has a bound, whichever of them stores it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from crm.core.errors import Conflict
from crm.core.jobs.models import Job, JobState
from crm.core.jobs.running import run_job
from crm.core.jobs.services import cancel_job
from crm.core.records import get_record
from crm.core.transfer import storage
from crm.core.transfer.importing import add_content, purge_imports, start_import
from crm.core.transfer.models import Import, ImportPart, ImportState, PartKind
from crm.core.transfer.storage import stored_bytes
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.transfer.pages import (
    FILE,
    checked,
    counts,
    ended,
    faults,
    imported,
    post,
    press,
    uploaded,
)

pytestmark = pytest.mark.django_db
CUSTOMERS = get_record("customers")
FULL = "The imports of your organization hold too much."
Left = Callable[[int], None]


@pytest.fixture
def left(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> Left:
    """Leave the organization room for so many bytes more than its imports take now."""

    def leave(size: int) -> None:
        most = stored_bytes(owner.organization_id) + size
        monkeypatch.setattr(storage, "MAX_STORED", most)

    return leave


def kinds_of(found: Import) -> set[str]:
    return set(found.parts.values_list("kind", flat=True))


def begin(by: Membership, size: int) -> Import:
    return start_import(by=by, record=CUSTOMERS, file_name="a.csv", size=size)


def test_all_that_imports_store_is_counted(
    browser: Client, owner: Membership, stranger: Membership
) -> None:
    """What is being uploaded takes what it announced."""
    sizes = []
    found = uploaded(browser, FILE.encode())
    for do in ("upload", "check", "run"):
        if do == "check":
            found = checked(browser, found)
        elif do == "run":
            press(browser, found, "run")
            found.refresh_from_db()
            assert found.job_id
            assert run_job(job_id=found.job_id, seconds=0)
        sizes.append(stored_bytes(owner.organization_id))
        assert sizes[-1] > sum(len(each.content) for each in found.parts.all())
    assert sizes == sorted(set(sizes))
    found = ended(found)
    kept = stored_bytes(owner.organization_id)
    assert kept > sum(len(each.content) for each in found.parts.all()) > 0
    begin(owner, 1_000)
    # The texts of one without rows are empty.
    assert 1_000 < stored_bytes(owner.organization_id) - kept < 1_100
    assert stored_bytes(stranger.organization_id) == 0


def test_an_import_begins_where_there_is_room_for_its_file(
    browser: Client, owner: Membership, left: Left
) -> None:
    """Those that have ended take room, too."""
    imported(browser)
    left(100)
    with pytest.raises(Conflict) as refused:
        begin(owner, 101)
    assert refused.value.code == "imports_full"
    begin(owner, 100)


def test_a_file_whose_rows_have_no_room_is_not_read(browser: Client, left: Left) -> None:
    left(len(FILE) + 50)
    found = uploaded(browser, FILE.encode())
    assert found.job
    assert (found.state, found.job.error_code) == (ImportState.FAILED, "imports_full")
    assert kinds_of(found) == {PartKind.SOURCE}
    assert FULL in browser.get(f"/app/import/{found.pk}/").content.decode()
    left(10_000)
    assert post(browser, found, "read", encoding="utf-8").state == ImportState.MAPPING


def test_a_reading_that_has_no_more_room_gives_back_what_it_took(
    owner: Membership, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.core.transfer.import_jobs.PARTS_AT_ONCE", 1)
    content = FILE.encode()
    found = begin(owner, len(content))
    add_content(by=owner, import_id=found.pk, number=0, content=content)
    assert run_job(job_id=Job.objects.get().pk, seconds=0)
    assert kinds_of(found) == {PartKind.SOURCE, PartKind.ROWS}
    left(0)
    assert ended(found).state == ImportState.FAILED
    assert kinds_of(found) == {PartKind.SOURCE}


def test_a_check_without_room_leaves_the_columns_as_they_were_chosen(
    browser: Client, left: Left
) -> None:
    found = uploaded(browser, FILE.encode())
    left(0)
    found = checked(browser, found)
    assert found.job
    assert (found.state, found.job.error_code) == (ImportState.MAPPING, "imports_full")
    assert kinds_of(found) == {PartKind.SOURCE, PartKind.ROWS}
    assert FULL in browser.get(f"/app/import/{found.pk}/").content.decode()
    left(10_000)
    assert counts(checked(browser, found).preview) == (3, 0, 0, 3)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", FULL),
        ("vi", "Các lần nhập của tổ chức bạn chiếm quá nhiều chỗ."),
        ("ru", "Импорты вашей организации занимают слишком много места."),
    ],
)
def test_an_import_that_has_no_more_room_keeps_what_it_did(
    browser: Client, owner: Membership, left: Left, language: str, told: str
) -> None:
    """It says so, and what it did can be undone."""
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    found = checked(browser, uploaded(browser, FILE.encode()))
    press(browser, found, "run")
    found.refresh_from_db()
    assert found.job_id
    for _step in range(2):
        assert run_job(job_id=found.job_id, seconds=0)
    left(0)
    found = ended(found)
    assert found.job
    assert (found.job.state, found.job.error_code) == (JobState.FAILED, "imports_full")
    assert (found.state, counts(found.report), found.rows_left) == ("stopped", (2, 0, 0, 2), 2)
    assert Customer.objects.count() == 2
    assert told in browser.get(f"/app/import/{found.pk}/").content.decode()
    assert "Carla" in faults(browser, found)
    assert post(browser, found, "undo").undo_report == {"removed": 2}
    assert not Customer.objects.exists()


def test_an_import_without_room_for_its_first_rows_can_be_run_later(
    browser: Client, left: Left
) -> None:
    found = checked(browser, uploaded(browser, FILE.encode()))
    left(0)
    found = post(browser, found, "run")
    assert (found.state, Customer.objects.count()) == (ImportState.CHECKED, 0)
    assert FULL in browser.get(f"/app/import/{found.pk}/").content.decode()
    left(10_000)
    assert counts(post(browser, found, "run").report) == (3, 0, 0, 3)


def test_an_undo_gives_back_the_room(browser: Client, owner: Membership) -> None:
    found = imported(browser)
    kept = stored_bytes(owner.organization_id)
    found = post(browser, found, "undo")
    assert found.state == ImportState.UNDONE
    assert not ImportPart.objects.exists()
    assert stored_bytes(owner.organization_id) < kept


def test_after_30_days_all_of_the_room_is_given_back(browser: Client, owner: Membership) -> None:
    """Also by those that were undone, or stopped."""
    imported(browser)
    post(browser, imported(browser, FILE.replace("@", "1@")), "undo")
    found = checked(browser, uploaded(browser, FILE.replace("@", "2@").encode()))
    press(browser, found, "run")
    found.refresh_from_db()
    assert found.job_id
    run_job(job_id=found.job_id, seconds=0)
    cancel_job(by=owner, job_id=found.job_id)
    assert set(Import.objects.values_list("state", flat=True)) == {"done", "undone", "stopped"}
    for days, left in ((29, 3), (31, 0)):
        Import.objects.update(finished_at=timezone.now() - timedelta(days=days))
        purge_imports()
        assert Import.objects.count() == left
    assert not ImportPart.objects.exists()
    assert stored_bytes(owner.organization_id) == 0


def test_a_job_is_kept_with_its_counts_alone(browser: Client) -> None:
    """It stays for 90 days, and the cells of the file for 30."""
    imported(browser)
    assert Job.objects.count() == 3
    for job in Job.objects.all():
        assert job.checkpoint is None
        assert all(isinstance(each, int) for each in job.result.values()), job.result

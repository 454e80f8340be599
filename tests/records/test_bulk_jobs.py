"""Actions on more rows than one request takes run as jobs, and are undone by jobs."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from crm.core.jobs.kinds import Run
from crm.core.jobs.models import Job, JobState
from crm.core.jobs.services import end_job
from crm.core.models import UndoableAction
from crm.core.records import ListState, bulk_jobs, get_record, parse_json
from crm.core.records.bulk import TooManyRows
from crm.core.records.bulk_jobs import count_for_job, start_bulk, start_undo
from crm.core.records.pages import bulk as pages
from crm.core.undo.services import UndoNotFound
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from tests.jobs.counting import finish

pytestmark = pytest.mark.django_db

CUSTOMERS = get_record("customers")
LIST = CUSTOMERS.list_url
WITHOUT_LANGUAGE = ListState(
    CUSTOMERS, where=parse_json(CUSTOMERS, {"field": "language_code", "op": "empty"})
)


@pytest.fixture(autouse=True)
def people(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "BATCH", 2)
    for number in range(5):
        Customer.objects.create(organization=organization, name=f"Name {number}", stage="customer")
    Customer.objects.filter(name="Name 4").update(language_code="en")


def languages() -> list[str]:
    return list(Customer.objects.order_by("name").values_list("language_code", flat=True))


def to_vietnamese(by: Membership) -> Job:
    action, values = CUSTOMERS.bulk_action("language"), {"language_code": "vi"}
    return start_bulk(by=by, state=WITHOUT_LANGUAGE, action=action, values=values)


def test_all_that_match_at_the_start_are_changed_and_changed_back(
    owner: Membership, organization: Organization
) -> None:
    job = to_vietnamese(owner)
    Customer.objects.create(organization=organization, name="Name 5", stage="customer")
    finish(job)
    assert (job.state, job.done, job.total) == ("done", 4, 4)
    assert languages() == ["vi", "vi", "vi", "vi", "en", ""]
    first = Customer.objects.get(name="Name 0")
    CUSTOMERS.update(by=owner, pk=first.pk, phone="+84 90 123 4567")
    undone = finish(start_undo(by=owner, job=job))
    assert (undone.state, undone.done) == ("done", 2)
    assert languages() == ["vi", "", "", "", "en", ""]


def test_only_its_starter_undoes_it_and_not_for_long(owner: Membership, agent: Membership) -> None:
    job = finish(to_vietnamese(owner))
    with pytest.raises(UndoNotFound):
        start_undo(by=agent, job=job)
    job.finished_at = timezone.now() - timedelta(hours=2)
    with pytest.raises(UndoNotFound):
        start_undo(by=owner, job=job)


def test_a_long_list_is_confirmed_with_its_number_and_becomes_a_job(
    owner: Membership, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "AT_ONCE", 3)
    client.force_login(owner.user)
    sent = {"action": "language", "all": "1", "list": "?language_code__empty=true"}
    asked = client.post(f"{LIST}bulk/", sent)
    assert (asked.context["count"], asked.context["is_job"]) == (4, True)
    started = client.post(f"{LIST}bulk/run/", sent | {"language_code": "ru"})
    job = finish(Job.objects.get())
    assert started["Location"].endswith(f"{job.pk}/")
    assert languages() == ["ru", "ru", "ru", "ru", "en"]
    page = client.get(started["Location"]).content.decode()
    undo_url = CUSTOMERS.reverse("undo_bulk", job.pk)
    assert f'action="{undo_url}"' in page
    assert client.post(undo_url).status_code == 302
    finish(Job.objects.exclude(pk=job.pk).get())
    assert languages() == ["", "", "", "", "en"]


def test_a_list_without_end_is_refused(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "MOST_ROWS", 3)
    with pytest.raises(TooManyRows, match="At most 3 can be changed at once"):
        count_for_job(WITHOUT_LANGUAGE, owner)


def test_what_a_cancelled_job_did_is_undone(owner: Membership) -> None:
    job = to_vietnamese(owner)
    with pytest.raises(UndoNotFound):
        start_undo(by=owner, job=job)
    steps = bulk_jobs._run(Run(job, owner))
    step = next(steps)
    steps.close()
    job.checkpoint = step.checkpoint
    end_job(job, JobState.CANCELLED)
    assert sorted(languages()) == ["", "", "en", "vi", "vi"]
    assert bulk_jobs.may_undo(job)
    # A long job's first batches are older than what one can undo by itself.
    began = timezone.now() - timedelta(hours=3)
    Job.objects.filter(pk=job.pk).update(created_at=began)
    UndoableAction.objects.update(created_at=began + timedelta(minutes=1))
    job.refresh_from_db()
    finish(start_undo(by=owner, job=job))
    assert sorted(languages()) == ["", "", "", "", "en"]

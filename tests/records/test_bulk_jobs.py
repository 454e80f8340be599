"""Actions on more rows than one request takes run as jobs, and are undone by jobs."""

import json
import time
from datetime import datetime, timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from crm.core.ids import last_uuid7_of, uuid7
from crm.core.jobs.kinds import Run
from crm.core.jobs.models import Job, JobState
from crm.core.jobs.services import end_job
from crm.core.models import UndoableAction
from crm.core.records import ListState, bulk_jobs, get_record, parse_json
from crm.core.records.bulk import TooManyRows
from crm.core.records.bulk_jobs import count_for_job, start_bulk, start_undo
from crm.core.records.pages import bulk as pages
from crm.core.records.saved_views import create_view, delete_view
from crm.core.undo.services import UndoNotFound
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
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
    assert (undone.state, undone.done, undone.result) == ("done", 2, {"done": 3, "left": 1})
    with pytest.raises(UndoNotFound):
        start_undo(by=owner, job=job)
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
    sent = {"action": "language", "all": "1", "state": json.dumps(WITHOUT_LANGUAGE.stored())}
    asked = client.post(f"{LIST}bulk/", sent)
    assert (asked.context["count"], asked.context["is_job"]) == (4, True)
    confirmed = {name: asked.context[name] for name in ("state", "asked")}
    wrong = client.post(
        f"{LIST}bulk/run/", confirmed | {"action": "language", "language_code": "x"}
    )
    assert (wrong.status_code, wrong.context["asked"]) == (422, asked.context["asked"])
    started = client.post(
        f"{LIST}bulk/run/", confirmed | {"action": "language", "language_code": "ru"}
    )
    job = finish(Job.objects.get())
    assert started["Location"].endswith(f"{job.pk}/")
    assert languages() == ["ru", "ru", "ru", "ru", "en"]
    page = client.get(started["Location"]).content.decode()
    undo_url = CUSTOMERS.reverse("undo_bulk", job.pk)
    assert f'action="{undo_url}"' in page
    assert client.post(undo_url).status_code == 302
    finish(Job.objects.exclude(pk=job.pk).get())
    assert languages() == ["", "", "", "", "en"]


def test_over_the_api_what_was_added_or_changed_since_one_looked_is_left_out(
    owner: Membership, organization: Organization
) -> None:
    api = Api(owner)
    looked = timezone.now() + timedelta(milliseconds=1)
    Customer.objects.filter(name="Name 0").update(
        updated_at=looked + timedelta(seconds=1), version=F("version") + 1
    )
    late = Customer.objects.create(
        id=last_uuid7_of(looked + timedelta(seconds=1)),
        organization=organization,
        name="Name 5",
        stage="customer",
    )
    sent = {"action": "language", "language": "vi", "search": "name"}
    started = api.post("/api/v1/customers/bulk", sent | {"asked_at": looked.isoformat()})
    assert started.status_code == 202, started.content
    finish(Job.objects.get())
    report = api.get(started["Location"]).json()["report"]
    assert report["counts"] == {"done": 4, "same": 0}
    assert report["left_out"] == [{"reason": "Somebody changed it meanwhile.", "count": 1}]
    assert languages() == ["", "vi", "vi", "vi", "vi", ""]
    for wrong in (
        {"asked_at": "yesterday"},
        {"ids": [str(late.pk)]},
        {"where": "[]"},
        {"search": "x" * 201},
    ):
        assert api.post("/api/v1/customers/bulk", sent | wrong).status_code == 400
    ancient = api.post("/api/v1/customers/bulk", sent | {"asked_at": "2000-01-01T00:00:00Z"})
    assert finish(Job.objects.get(pk=ancient.json()["id"])).result.get("done", 0) == 0


def test_a_list_without_end_is_refused(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "MAX_ROWS", 3)
    with pytest.raises(TooManyRows, match="At most 3 can be changed at once"):
        count_for_job(WITHOUT_LANGUAGE, owner)
    sent = {"action": "language", "language": "vi", "where": '{"all": []}'}
    refused = Api(owner).post("/api/v1/customers/bulk", sent)
    assert (refused.status_code, refused.json()["code"]) == (400, "too_many_rows")


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


def test_a_view_that_is_gone_does_not_widen_what_was_confirmed(
    owner: Membership, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "AT_ONCE", 3)
    client.force_login(owner.user)
    view = create_view(by=owner, state=WITHOUT_LANGUAGE, name="No language", is_shared=True)
    page = client.get(LIST, {"view": str(view.pk)})
    delete_view(by=owner, record=CUSTOMERS, view_id=view.pk)
    sent = {
        "action": "language",
        "all": "4",
        "list": page.context["list_address"],
        "state": page.context["stored_json"],
    }
    asked = client.post(f"{LIST}bulk/", sent)
    assert asked.context["count"] == 4
    confirmed = {name: asked.context[name] for name in ("list", "state", "asked")}
    client.post(f"{LIST}bulk/run/", confirmed | {"action": "language", "language_code": "ru"})
    finish(Job.objects.get())
    assert languages() == ["ru", "ru", "ru", "ru", "en"]


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "[]", "asked": str(uuid7())},
        {"state": "{}", "asked": str(uuid7())},
        {"asked": str(uuid7())},
        {"state": json.dumps(WITHOUT_LANGUAGE.stored()), "asked": "yesterday"},
    ],
)
def test_a_confirmation_without_its_list_is_refused(
    owner: Membership, client: Client, fields: dict[str, str]
) -> None:
    client.force_login(owner.user)
    sent = {"action": "language", "language_code": "ru"} | fields
    assert client.post(f"{LIST}bulk/run/", sent).status_code == 400
    assert not Job.objects.exists()


def test_what_was_changed_or_added_since_the_question_is_left_out(
    owner: Membership, organization: Organization
) -> None:
    asked = uuid7()
    time.sleep(0.002)
    edited = Customer.objects.get(name="Name 1")
    CUSTOMERS.update(by=owner, pk=edited.pk, phone="+84 90 123 4567")
    Customer.objects.create(organization=organization, name="Name 5", stage="customer")
    action, values = CUSTOMERS.bulk_action("language"), {"language_code": "vi"}
    job = finish(
        start_bulk(by=owner, state=WITHOUT_LANGUAGE, action=action, values=values, asked=asked)
    )
    assert languages() == ["vi", "", "vi", "vi", "en", ""]
    assert (job.result["done"], sum(job.result["left_out"].values())) == (3, 1)


def test_deletions_of_a_long_job_come_back_as_long_as_the_job_can_be_undone(
    owner: Membership, organization: Organization
) -> None:
    umbrellas = get_record("umbrellas")
    for number in range(3):
        umbrellas.create(by=owner, name=f"Umbrella {number}")
    state, action = ListState(umbrellas), umbrellas.bulk_action("delete")
    job = finish(start_bulk(by=owner, state=state, action=action, values={}))
    assert not umbrellas.visible_to(owner).exists()
    # Its first steps were more than an hour ago.
    longer = timedelta(minutes=65)
    for deed in UndoableAction.objects.all():
        data = deed.data
        if "since" in data:
            data["since"] = (datetime.fromisoformat(data["since"]) - longer).isoformat()
        UndoableAction.objects.filter(pk=deed.pk).update(
            created_at=F("created_at") - longer, data=data
        )
    Job.objects.filter(pk=job.pk).update(created_at=F("created_at") - longer)
    job.refresh_from_db()
    undone = finish(start_undo(by=owner, job=job))
    assert undone.result == {"done": 3, "left": 0}
    assert umbrellas.visible_to(owner).count() == 3

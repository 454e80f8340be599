"""Jobs: one worker at a time, each step once, ended by whoever may, with the starter's rights."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm.core.jobs import kinds, running
from crm.core.jobs.errors import JobFileNotFound, JobNotFound, TooManyJobs
from crm.core.jobs.kinds import Run, Step, Steps
from crm.core.jobs.models import Job, JobChunk, JobState
from crm.core.jobs.running import MAX_ATTEMPTS, run_job
from crm.core.jobs.services import cancel_job, due_jobs, fetch_file, purge_jobs, start_job
from crm.core.permissions import READ, ApiKeyPrincipal, Level, Module, rights_of_scopes
from crm.organizations.models import Membership, Role
from tests.api.conftest import Api
from tests.conftest import make_member
from tests.downloads import downloaded
from tests.jobs.counting import COUNTING, content_of, finish
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db


def started(by: Any, to: int = 3) -> Job:
    return start_job(by=by, kind=COUNTING, data={"to": to})


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A kind that breaks at the numbers in the list."""
    broken: list[int] = []

    def count(run: Run) -> Steps:
        for number in range(run.job.checkpoint or 0, 4):
            run.append(f"{number}\n".encode())
            if number in broken:
                raise RuntimeError(number)
            yield Step(done=number + 1, total=4, checkpoint=number + 1)
        return None

    monkeypatch.setitem(kinds._kinds, COUNTING.name, replace(COUNTING, run=count))
    return broken


def test_a_job_runs_in_turns_and_keeps_what_it_reached(owner: Membership) -> None:
    job = started(owner)
    assert run_job(job_id=job.pk, seconds=0)
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.percent) == ("running", 1, 3, 33)
    finish(job)
    assert (job.state, job.result, job.files) == ("done", {"sum": 3}, {"result": 3})
    assert content_of(job) == b"0\n1\n2\n"
    assert not run_job(job_id=job.pk)


def test_a_job_that_another_worker_runs_is_left_alone(owner: Membership) -> None:
    job = started(owner)
    Job.objects.filter(pk=job.pk).update(
        worker=job.pk, state=JobState.RUNNING, due_at=timezone.now() + timedelta(minutes=1)
    )
    assert not run_job(job_id=job.pk)
    assert not due_jobs()
    # Its lease lapses: the worker was killed.
    Job.objects.filter(pk=job.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    assert due_jobs() == [(owner.organization_id, job.pk)]
    assert finish(job).state == JobState.DONE


def test_a_worker_that_lost_its_lease_writes_nothing_more(
    owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = started(owner)
    other = job.pk

    def count(run: Run) -> Steps:
        yield Step(done=1, checkpoint=1)
        # Between two steps another worker has taken it over.
        run.append(b"twice\n")
        yield Step(done=2, checkpoint=2)
        return None

    def overtaken(run: Run) -> Steps:
        steps = count(run)
        yield next(steps)
        yield next(steps)
        return None

    monkeypatch.setitem(kinds._kinds, COUNTING.name, replace(COUNTING, run=overtaken))
    store = running._store

    def store_and_lose(stored: Job, step: Step) -> None:
        store(stored, step)
        Job.objects.filter(pk=stored.pk).update(worker=other)

    monkeypatch.setattr(running, "_store", store_and_lose)
    assert not run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.done, job.worker, JobChunk.objects.count()) == (1, other, 0)


def test_a_step_that_breaks_is_done_again_and_once(owner: Membership, failing: list[int]) -> None:
    job = started(owner)
    failing.append(2)
    with pytest.raises(RuntimeError):
        finish(job)
    job.refresh_from_db()
    assert (job.done, job.attempts, job.worker, content_of(job)) == (2, 1, None, b"0\n1\n")
    failing.clear()
    assert content_of(finish(job)) == b"0\n1\n2\n3\n"
    assert job.attempts == 0


def test_a_job_that_always_breaks_is_given_up(owner: Membership, failing: list[int]) -> None:
    job = started(owner)
    failing.append(1)
    for _attempt in range(MAX_ATTEMPTS + 1):
        with pytest.raises(RuntimeError):
            finish(job)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.files) == ("failed", "job_gave_up", {})
    assert not JobChunk.objects.exists()


def test_what_ends_the_starters_access_stops_the_job(owner: Membership) -> None:
    agent = make_member(owner.organization, "Ada", Role.AGENT)
    job = started(agent)
    run_job(job_id=job.pk, seconds=0)
    Membership.objects.filter(pk=agent.pk).update(is_active=False)
    finish(job)
    assert (job.state, job.error_code, job.done) == ("failed", "job_starter_gone", 1)
    assert not JobChunk.objects.exists()


def test_rights_are_those_of_the_moment(owner: Membership) -> None:
    some = member_with(owner.organization, "Sven", rights(Module.CUSTOMERS, Level.ALL, Level.NONE))
    job = started(some)
    run_job(job_id=job.pk, seconds=0)
    assert some.custom_role
    some.custom_role.grants = {}
    some.custom_role.save()
    assert finish(job).error_code == "forbidden"


def test_a_job_is_cancelled_between_two_steps(owner: Membership) -> None:
    job = started(owner)
    run_job(job_id=job.pk, seconds=0)
    for _time in range(2):
        assert cancel_job(by=owner, job_id=job.pk).state == JobState.CANCELLED
    assert not run_job(job_id=job.pk)
    assert not JobChunk.objects.exists()


def test_an_organization_has_so_many_of_a_kind_at_once(owner: Membership) -> None:
    for _number in range(COUNTING.most_active):
        job = started(owner)
    with pytest.raises(TooManyJobs):
        started(owner)
    finish(job)
    started(owner)


def test_jobs_are_seen_by_their_starters_and_by_who_manages_the_settings(
    owner: Membership, agent: Membership, stranger: Membership
) -> None:
    key = ApiKeyPrincipal(
        owner.organization_id, rights_of_scopes(["customers:read"]), key_id=str(owner.pk)
    )
    of_agent, of_key = started(agent), started(key)
    seen = [set(Job.objects.visible_to(by)) for by in (owner, agent, key, stranger)]
    assert seen == [{of_agent, of_key}, {of_agent}, {of_key}, set()]
    with pytest.raises(JobNotFound):
        cancel_job(by=stranger, job_id=of_agent.pk)
    with pytest.raises(JobNotFound):
        fetch_file(by=agent, job_id=of_key.pk)


def test_a_file_is_for_those_who_may_see_what_was_read(owner: Membership) -> None:
    job = started(owner)
    with pytest.raises(JobFileNotFound):
        fetch_file(by=owner, job_id=job.pk)
    finish(job)
    info, content = fetch_file(by=owner, job_id=job.pk)
    assert (info.name, b"".join(content)) == ("numbers.txt", b"0\n1\n2\n")
    settings_only = member_with(
        owner.organization, "Sven", rights(Module.SETTINGS, Level.ALL, Level.ALL)
    )
    assert not settings_only.may(Module.CUSTOMERS, READ)
    with pytest.raises(JobNotFound):
        fetch_file(by=settings_only, job_id=job.pk)


def test_files_go_after_a_week_and_jobs_after_a_quarter(owner: Membership) -> None:
    job = finish(started(owner))
    for days, is_left in ((8, True), (91, False)):
        Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=days))
        purge_jobs()
        assert not JobChunk.objects.exists()
        assert Job.objects.exists() == is_left


def test_the_pages_show_cancel_and_download(owner: Membership, client: Client) -> None:
    client.force_login(owner.user)
    job = started(owner)
    page = f"/app/settings/jobs/{job.pk}/"
    assert f'hx-get="{page}?row=1"' in client.get("/app/settings/jobs/").content.decode()
    assert "Counting" in client.get(page).content.decode()
    assert client.post(f"{page}file/").status_code == 404
    finish(job)
    assert downloaded(client.post(f"{page}file/")) == b"0\n1\n2\n"
    row = client.get(f"{page}?row=1", headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" not in row
    assert "Download" in row
    other = started(owner)
    assert client.post(f"/app/settings/jobs/{other.pk}/cancel/").status_code == 302
    other.refresh_from_db()
    assert other.state == JobState.CANCELLED


def test_the_api_lists_shows_and_cancels(owner: Membership) -> None:
    api = Api(owner)
    done, waiting = finish(started(owner)), started(owner)
    listed = api.get("/api/v1/jobs", {"state": "done"}).json()["results"]
    assert [(each["id"], each["files"], each["error"]) for each in listed] == [
        (str(done.pk), ["result"], None)
    ]
    shown = api.get(f"/api/v1/jobs/{waiting.pk}").json()
    assert (shown["title"], shown["state"], shown["total"]) == ("Counting", "waiting", None)
    assert api.post(f"/api/v1/jobs/{waiting.pk}/cancel").json()["state"] == "cancelled"
    assert api.get(f"/api/v1/jobs/{owner.pk}").status_code == 404

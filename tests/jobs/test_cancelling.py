"""Cancelling while a step holds the job."""

import pytest
from django.db import connections, transaction

from crm.core import tenancy
from crm.core.database import locks
from crm.core.jobs.errors import JobBusy
from crm.core.jobs.services import cancel_job, start_job
from crm.organizations.models import Membership
from tests.jobs.counting import COUNTING


@pytest.mark.django_db(transaction=True)
def test_cancelling_does_not_wait_for_the_end_of_a_long_step(
    owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_job(by=owner, kind=COUNTING, data={})
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with tenancy.organization(owner.organization_id), other.cursor() as cursor:
            cursor.execute("SELECT id FROM jobs_job WHERE id = %s FOR UPDATE", [job.pk])
            assert cursor.rowcount == 1
        monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.05)
        with pytest.raises(JobBusy), transaction.atomic():
            cancel_job(by=owner, job_id=job.pk)
        other.rollback()
    finally:
        other.close()
    assert not cancel_job(by=owner, job_id=job.pk).is_active

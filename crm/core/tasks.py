"""Celery tasks of the core. Each is idempotent."""

from celery import shared_task

from crm.core import recovery, tenancy
from crm.core.form_guard.idempotency import purge_form_answers
from crm.core.idempotency import purge_idempotent_requests
from crm.core.models import StoredText
from crm.core.records.notes import purge_notes
from crm.core.undo.services import purge_undoable


@shared_task(name="core.purge_idempotent_requests")
def purge_answers() -> None:
    with tenancy.all_tenants("Old responses and undo data of every organization are deleted."):
        purge_idempotent_requests()
        purge_undoable()
        purge_notes()


@shared_task(name="core.purge_form_answers")
def forget_form_answers() -> None:
    with tenancy.all_tenants("Answers of forms are forgotten once they are not given again."):
        purge_form_answers()


@shared_task(name="core.fold_stored_text")
def fold_stored_text() -> None:
    with tenancy.all_tenants("Counts of every organization's text are added up."):
        StoredText.objects.fold()


@shared_task(name="core.sweep")
def sweep() -> None:
    """Queue work whose task was lost, and what is due again."""
    recovery.sweep()

"""Celery tasks of accounts. Each is idempotent."""

from celery import shared_task

from crm.accounts.services.idempotency import purge_idempotent_requests
from crm.accounts.services.impersonation import end_lapsed_impersonations
from crm.accounts.services.sessions import purge_ended_sessions, purge_lapsed_stores
from crm.accounts.services.sign_up import purge_unconfirmed
from crm.accounts.services.token_families import purge_families
from crm.accounts.services.undo import purge_undoable
from crm.core import tenancy


@shared_task(name="accounts.purge_unverified")
def purge_unverified() -> None:
    with tenancy.all_tenants("Whoever never confirmed is nobody's member."):
        purge_unconfirmed()


@shared_task(name="accounts.purge_idempotent_requests")
def purge_answers() -> None:
    with tenancy.all_tenants("Old answers go in every organization."):
        purge_idempotent_requests()
        purge_undoable()


@shared_task(name="accounts.end_lapsed_impersonations")
def end_lapsed() -> None:
    with tenancy.all_tenants("Operators are anywhere."):
        end_lapsed_impersonations()


@shared_task(name="accounts.purge_log_ins")
def purge_log_ins() -> None:
    with tenancy.all_tenants("Log-ins that ended long ago go in every organization."):
        purge_ended_sessions()
        purge_families()
    # These rows are of no organization.
    purge_lapsed_stores()

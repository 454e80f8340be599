"""Celery tasks of this app. Each is idempotent."""

from celery import shared_task

from crm.authentication.services.impersonation import end_lapsed_impersonations
from crm.authentication.services.sessions import purge_ended_sessions, purge_lapsed_stores
from crm.authentication.services.sign_up import purge_unconfirmed
from crm.authentication.services.token_families import purge_families
from crm.core import tenancy


@shared_task(name="authentication.purge_unverified")
def purge_unverified() -> None:
    with tenancy.all_tenants("Whoever never confirmed is nobody's member."):
        purge_unconfirmed()


@shared_task(name="authentication.end_lapsed_impersonations")
def end_lapsed() -> None:
    with tenancy.all_tenants("Operators are anywhere."):
        end_lapsed_impersonations()


@shared_task(name="authentication.purge_log_ins")
def purge_log_ins() -> None:
    with tenancy.all_tenants("Log-ins that ended long ago go in every organization."):
        purge_ended_sessions()
        purge_families()
    # These rows are of no organization.
    purge_lapsed_stores()

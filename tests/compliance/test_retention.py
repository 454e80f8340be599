"""Months: made ahead, dropped after ten years, kept by a hold; chains go on after both."""

from datetime import date

import pytest
from django.db import connection

from crm.accounts.models import Organization
from crm.compliance.database import MONTHS_AHEAD
from crm.compliance.models import INSTALLATION, AuditEntry
from crm.compliance.services.holding import lift_hold, place_hold
from crm.compliance.services.retaining import drop_old_months, make_coming_months
from crm.compliance.services.sealing import seal_chains
from crm.customers.models import Customer
from tests.compliance.audits import actions, findings, tamper

pytestmark = pytest.mark.django_db(transaction=True)
OLD = date(2012, 3, 1)


def months() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT right(relname, 6) FROM pg_class WHERE relname ~ '^compliance_auditentry_[0-9]'"
            " AND relkind = 'r'"
        )
        return {row[0] for row in cursor.fetchall()}


@pytest.fixture
def aged(organization: Organization) -> Organization:
    """Give an organization whose chain begins in a month of long ago, with three entries."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextflow_audit_make_month(%s)", [OLD])
    for name in ("A", "B"):
        Customer.objects.create(organization=organization, name=name)
    seal_chains()
    # As if the clock had been in that month: moved, and computed anew by the functions themselves.
    tamper("DELETE FROM compliance_auditseal WHERE organization_id = %s", [organization.pk])
    tamper("DELETE FROM compliance_auditvalues WHERE organization_id = %s", [organization.pk])
    tamper(
        "UPDATE compliance_auditentry SET at = at - (now() - timestamptz '2012-03-05'),"
        " data_hash = NULL WHERE organization_id = %s",
        [organization.pk],
    )
    return organization


def test_coming_months_are_there(organization: Organization) -> None:
    assert make_coming_months() == 0
    assert len(months()) >= MONTHS_AHEAD + 1


def test_a_month_is_dropped_after_ten_years_and_the_chain_goes_on(aged: Organization) -> None:
    assert drop_old_months() == [OLD]
    assert drop_old_months() == []
    assert "201203" not in months()
    assert not AuditEntry.objects.of(aged.pk).exists()
    assert actions(INSTALLATION)[-1] == "audit.month_dropped"
    Customer.objects.create(organization=aged, name="Later")
    (entry,) = AuditEntry.objects.of(aged.pk)
    assert entry.seq == 4
    seal_chains()
    assert findings(aged.pk) == []


def test_a_hold_keeps_the_month(aged: Organization) -> None:
    hold = place_hold(organization_id=aged.pk, reason="A court asks.")
    assert drop_old_months() == []
    assert "201203" in months()
    lift_hold(hold_id=hold.pk)
    assert drop_old_months() == [OLD]

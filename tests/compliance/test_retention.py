"""Months: made ahead, dropped after ten years, kept by a hold; chains go on after both."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction

from crm.compliance.database import MONTHS_AHEAD
from crm.compliance.models import INSTALLATION, AuditEntry
from crm.compliance.services.legal_holds import lift_hold, place_hold
from crm.compliance.services.retention import drop_old_months, make_coming_months
from crm.compliance.services.signatures import seal_chains
from crm.core import tenancy
from crm.core.permissions import SystemPrincipal
from crm.customers.models import Customer
from crm.organizations.models import Organization
from tests.compliance.audits import actions, findings, tamper
from tests.patience import PATIENCE

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
    tamper("DELETE FROM compliance_auditsignature WHERE organization_id = %s", [organization.pk])
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


@pytest.mark.parametrize("of", ["organization", "customer"])
def test_a_hold_keeps_the_month(aged: Organization, of: str) -> None:
    customer = Customer.objects.filter(organization=aged).first()
    assert customer is not None
    subject = f"customer:{customer.pk}" if of == "customer" else ""
    named: dict[str, Any] = {"by": SystemPrincipal(aged.pk), "subject": subject}
    holds = [place_hold(reason=reason, **named) for reason in ("A court asks.", "So does the tax.")]
    assert drop_old_months() == []
    assert "201203" in months()
    assert AuditEntry.objects.of(aged.pk).count() > 2
    lift_hold(by=SystemPrincipal(aged.pk), hold_id=holds[0].pk, reason="The case is closed.")
    assert drop_old_months() == []
    lift_hold(by=SystemPrincipal(aged.pk), hold_id=holds[1].pk, reason="So is this one.")
    assert drop_old_months() == [OLD]


def test_a_hold_that_is_being_placed_is_waited_for(aged: Organization) -> None:
    def drop() -> list[date]:
        try:
            with tenancy.all_tenants("As the nightly task does."):
                return drop_old_months()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            place_hold(by=SystemPrincipal(aged.pk), reason="A court asks.")
            dropping = pool.submit(drop)
            with pytest.raises(StillWaiting):
                dropping.result(timeout=0.5)
        assert dropping.result(timeout=PATIENCE) == []
    assert "201203" in months()

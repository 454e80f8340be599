"""The chain: gap-free under concurrent writers, silent after a rollback, and tampering is found."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from crm.compliance import chain
from crm.compliance.errors import UnderLegalHold
from crm.compliance.models import AuditEntry, AuditSignature, AuditValues
from crm.compliance.services.legal_holds import erase_values, lift_hold, place_hold
from crm.compliance.services.signatures import anchors, seal_chains
from crm.core.database.owner import as_owner
from crm.core.ids import uuid7
from crm.core.permissions import SystemPrincipal
from crm.customers.models import Customer
from crm.organizations.models import Organization
from tests.compliance.audits import actions, entries, findings, tamper, values_of
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = 6


@pytest.fixture
def chained(organization: Organization) -> Organization:
    """Give an organization whose chain has one entry of its own and six of customers, sealed."""
    for number in range(NUMBER):
        Customer.objects.create(organization=organization, name=f"Customer {number}", phone="1")
    seal_chains()
    assert findings(organization.pk) == []
    return organization


def test_entries_are_numbered_and_linked(chained: Organization) -> None:
    found = entries(chained.pk)
    assert [entry.seq for entry in found] == list(range(1, NUMBER + 2))
    before = chain.first_hash(chained.pk)
    for entry in found:
        assert bytes(entry.prev_hash) == before
        before = bytes(entry.hash)
    assert actions(chained.pk) == ["organization.created", *["customer.created"] * NUMBER]


def test_a_rollback_leaves_no_entry(chained: Organization) -> None:
    with transaction.atomic():
        Customer.objects.create(organization=chained, name="Nobody")
        transaction.set_rollback(True)
    with transaction.atomic():
        with transaction.atomic():
            Customer.objects.create(organization=chained, name="Nobody either")
            transaction.set_rollback(True)
        Customer.objects.create(organization=chained, name="Somebody")
    assert len(entries(chained.pk)) == NUMBER + 2
    assert findings(chained.pk) == []


def test_concurrent_writers_keep_a_chain_without_gaps(organization: Organization) -> None:
    start = threading.Barrier(6)

    def write(writer: int) -> None:
        start.wait()
        try:
            for number in range(8):
                with transaction.atomic():
                    made = Customer.objects.create(organization=organization, name=f"{writer}")
                    Customer.objects.filter(pk=made.pk).update(phone=str(number))
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert [entry.seq for entry in entries(organization.pk)] == list(range(1, 1 + 6 * 8 * 2 + 1))
    assert findings(organization.pk) == []


def test_only_the_commit_makes_others_wait(organization: Organization) -> None:
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Customer.objects.create(organization=organization, name="First")

        def second() -> None:
            try:
                Customer.objects.create(organization=organization, name="Second")
            finally:
                connection.close()

        pool.submit(second).result(timeout=PATIENCE)
    names = [values_of(each).data["name"][1] for each in entries(organization.pk)[1:]]
    assert names == ["Second", "First"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "UPDATE compliance_auditentry SET actor_id = 'x'"
            " WHERE organization_id = %s AND seq = 3",
            {(3, "changed")},
        ),
        (
            "UPDATE compliance_auditentry SET details = '{}'"
            " WHERE organization_id = %s AND seq = 3",
            {(3, "changed")},
        ),
        (
            "DELETE FROM compliance_auditentry WHERE organization_id = %s AND seq = 3",
            {(3, "removed"), (7, "values_added")},
        ),
        (
            "DELETE FROM compliance_auditentry WHERE organization_id = %s AND seq >= 6",
            {(6, "tail_missing")},
        ),
        (
            "INSERT INTO compliance_auditentry SELECT gen_random_uuid(), organization_id, seq,"
            " at + interval '1 microsecond', actor_kind, actor_id, 'customer.deleted', object_type,"
            " object_id, details, correlation_id, NULL, NULL, hash, hash"
            " FROM compliance_auditentry WHERE organization_id = %s AND seq = 3",
            {(3, "inserted"), (3, "changed")},
        ),
        (
            "UPDATE compliance_auditvalues SET data = '{\"name\": [null, \"Y\"]}'"
            " WHERE organization_id = %s AND data->'name'->>1 = 'Customer 1'",
            {(3, "values_changed")},
        ),
        (
            "DELETE FROM compliance_auditvalues"
            " WHERE organization_id = %s AND data->'name'->>1 = 'Customer 1'",
            {(3, "values_missing")},
        ),
        (
            "UPDATE compliance_auditvalues SET data = NULL, data_salt = NULL, data_erased_seq = 2"
            " WHERE organization_id = %s AND data->'name'->>1 = 'Customer 1'",
            {(2, "erasure_missing")},
        ),
        (
            "UPDATE compliance_auditsignature SET mac = '\\x00' WHERE organization_id = %s",
            {(7, "seal_forged")},
        ),
    ],
    ids=[
        "actor", "details", "removed", "tail", "inserted", "values", "no values", "erased",
        "seal",
    ],
)  # fmt: skip
def test_tampering_is_found(chained: Organization, sql: str, expected: set[Any]) -> None:
    tamper(sql, [chained.pk])
    assert expected <= set(findings(chained.pk))
    with pytest.raises(CommandError, match="not as it was written"):
        call_command("audit", "verify", "--organization", str(chained.pk), "--json")


def test_a_chain_computed_anew_lacks_our_key(chained: Organization) -> None:
    tamper(
        "UPDATE compliance_auditentry SET actor_id = 'x' WHERE organization_id = %s AND seq = 3",
        [chained.pk],
    )
    before = b""
    for entry in entries(chained.pk):
        told: Any = (
            *(getattr(entry, name) for name in ("organization_id", "seq", "at", "actor_kind")),
            *(getattr(entry, name) for name in ("actor_id", "action", "object_type", "object_id")),
            _details(entry),
            entry.correlation_id,
            bytes(entry.data_hash) if entry.data_hash else None,
            bytes(entry.address_hash) if entry.address_hash else None,
            before or bytes(entry.prev_hash),
            b"",
        )
        link = chain.Link(*told)
        before = link.computed_hash()
        tamper(
            "UPDATE compliance_auditentry SET prev_hash = %s, hash = %s WHERE id = %s",
            [link.prev_hash, before, entry.pk],
        )
    assert findings(chained.pk) == [(NUMBER + 1, "seal_broken")]


def _details(entry: AuditEntry) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT details::text FROM compliance_auditentry WHERE id = %s", [entry.pk])
        return str(cursor.fetchone()[0])


def test_an_end_taken_away_with_its_seals_is_found_by_an_anchor(
    chained: Organization, tmp_path: Path
) -> None:
    file = tmp_path / "anchors.jsonl"
    call_command("audit", "anchor", "--output", str(file))
    for sql in (
        "DELETE FROM compliance_auditentry WHERE organization_id = %s AND seq > 3",
        "DELETE FROM compliance_auditsignature WHERE organization_id = %s AND seq > 3",
    ):
        tamper(sql, [chained.pk])
    tamper(
        "DELETE FROM compliance_auditvalues v WHERE organization_id = %s AND NOT EXISTS (SELECT 1"
        " FROM compliance_auditentry e"
        " WHERE e.organization_id = v.organization_id AND e.at = v.at)",
        [chained.pk],
    )
    assert findings(chained.pk) == []
    with pytest.raises(CommandError):
        call_command(
            "audit", "verify", "--organization", str(chained.pk), "--anchors", str(file), "--json"
        )


def test_an_anchor_of_somebody_else_is_worth_nothing(chained: Organization) -> None:
    (anchor,) = anchors(chained.pk)
    assert findings(chained.pk, anchors=[anchor]) == []
    forged = anchor | {"hash": "00" * 32}
    assert findings(chained.pk, anchors=[forged]) == [(NUMBER + 1, "anchor_forged")]


def test_keys_are_rotated(chained: Organization, settings: Any) -> None:
    old = chain.keys()
    ((kid, _secret),) = old.items()
    settings.AUDIT_KEYS = ["new:" + "n" * 32]
    assert findings(chained.pk) == [(NUMBER + 1, "key_unknown")]
    settings.AUDIT_KEYS = []
    Customer.objects.create(organization=chained, name="Later")
    settings.AUDIT_KEYS = ["new:" + "n" * 32, "old:" + "o" * 32]
    seal_chains()
    seal = AuditSignature.objects.filter(organization_id=chained.pk).latest("seq")
    assert (seal.key_id, seal.seq) == ("new", NUMBER + 2)
    assert kid != "new"


@pytest.mark.parametrize("table", ["entry", "values", "signature", "chain"])
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "UPDATE {} SET organization_id = NULL"])
def test_the_application_may_not_change_it(chained: Organization, table: str, sql: str) -> None:
    with pytest.raises(ProgrammingError), connection.cursor() as cursor:
        cursor.execute(sql.format(f"compliance_audit{table}"))
    assert findings(chained.pk) == []


@pytest.mark.parametrize("table", ["entry", "values", "signature", "chain"])
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET at = now()"])
def test_the_owner_of_the_tables_is_held_by_triggers(
    chained: Organization, table: str, sql: str
) -> None:
    sql = sql.replace("at =", "began_at =") if table == "chain" else sql
    with (
        as_owner(),
        pytest.raises(ProgrammingError, match="never changed"),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format(f"compliance_audit{table}"))
    assert findings(chained.pk) == []


def test_the_application_cannot_write_past_the_chain(chained: Organization) -> None:
    for sql in (
        "INSERT INTO compliance_auditentry SELECT * FROM compliance_auditentry",
        "SELECT nextflow_audit_append(gen_random_uuid(), '', '', '', '', '', '{}', '', '', '{}',"
        " '')",
        "SELECT nextflow_audit_drop_month(date_trunc('month', now())::date)",
    ):
        with pytest.raises(ProgrammingError), connection.cursor() as cursor:
            cursor.execute(sql)
    assert findings(chained.pk) == []


def test_erasure_keeps_the_chain(chained: Organization) -> None:
    customer = Customer.objects.get(organization=chained, name="Customer 2")
    Customer.objects.filter(pk=customer.pk).update(email="minh@example.com")
    subject = f"customer:{customer.pk}"
    assert erase_values(organization_id=chained.pk, subject=subject) == 2
    assert not AuditValues.objects.filter(subject=subject, data__isnull=False).exists()
    (erased,) = entries(chained.pk, "audit.erased")
    assert (erased.object_id, erased.details) == (str(customer.pk), {"values": 2})
    seal_chains()
    assert findings(chained.pk) == []
    # What others did to others is still there.
    assert AuditValues.objects.filter(data__isnull=False, subject__isnull=False).exists()


def test_a_hold_keeps_values(chained: Organization) -> None:
    customer = Customer.objects.filter(organization=chained).first()
    assert customer is not None
    subject = f"customer:{customer.pk}"
    hold = place_hold(by=SystemPrincipal(chained.pk), reason="A court asks.", subject=subject)
    again = place_hold(by=SystemPrincipal(chained.pk), reason="A court asks.", subject=subject)
    assert again == hold
    with pytest.raises(UnderLegalHold):
        erase_values(organization_id=chained.pk, subject=subject)
    other = f"customer:{uuid7()}"
    assert erase_values(organization_id=chained.pk, subject=other) == 0
    lift_hold(by=SystemPrincipal(chained.pk), hold_id=hold.pk, reason="The case is closed.")
    assert erase_values(organization_id=chained.pk, subject=subject) == 1
    told = [each for each in actions(chained.pk) if not each.startswith("subscription.")]
    assert told[-4:] == [
        "legal_hold.placed", "audit.erased", "legal_hold.lifted", "audit.erased",
    ]  # fmt: skip
    assert findings(chained.pk) == []

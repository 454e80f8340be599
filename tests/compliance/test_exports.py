"""Exports: piece by piece, after a crash from where it was, told, and safe to open."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from crm.compliance.errors import ExportNotFound, TooManyExports
from crm.compliance.filters import Filters
from crm.compliance.models import AuditExport, ExportFormat, ExportState
from crm.compliance.services import exports
from crm.compliance.services.exports import (
    ask_for_export,
    cancel_export,
    fetch_export,
    purge_exports,
    write_export,
)
from crm.core.permissions import Level, Module
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.compliance.audits import actions, entries, settle
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PIECE", 10)
    monkeypatch.setattr(exports, "PIECES_AT_ONCE", 2)


def asked(owner: Membership, file_format: ExportFormat, **filters: Any) -> AuditExport:
    Customer.objects.bulk_create(
        Customer(organization=owner.organization, name=f"=C{number}") for number in range(35)
    )
    settle()
    export = ask_for_export(
        by=owner, file_format=file_format, filters=Filters(**filters), language_code="en"
    )
    settle()
    return export


def content(owner: Membership, export: AuditExport) -> str:
    _export, pieces = fetch_export(by=owner, export_id=export.pk)
    return b"".join(pieces).decode()


def test_an_export_is_written_in_turns_and_told(owner: Membership) -> None:
    export = asked(owner, ExportFormat.JSONL, object_type="customer")
    assert not write_export(export_id=export.pk)
    export.refresh_from_db()
    assert (export.state, export.done, export.total, export.percent) == ("running", 20, 35, 57)
    assert write_export(export_id=export.pk)
    assert write_export(export_id=export.pk)
    export.refresh_from_db()
    assert (export.state, export.done, export.chunks) == (ExportState.DONE, 35, 4)
    records = [json.loads(line) for line in content(owner, export).splitlines()]
    assert [record["seq"] for record in records] == [
        entry.seq for entry in entries(owner.organization_id, "customer.created")
    ]
    assert actions(owner.organization_id)[-3:] == ["export.asked", "export.done", "export.fetched"]
    (fetched,) = entries(owner.organization_id, "export.fetched")
    assert fetched.object_id == str(export.pk)


def test_a_spreadsheet_finds_no_formula(owner: Membership) -> None:
    export = asked(owner, ExportFormat.CSV, action="customer.created")
    while not write_export(export_id=export.pk):
        pass
    rows = list(csv.reader(io.StringIO(content(owner, export).lstrip("\ufeff"))))
    assert rows[0] == list(exports.COLUMNS)
    assert len(rows) == 36
    for row in rows[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_what_happens_meanwhile_is_not_part_of_it(owner: Membership) -> None:
    export = asked(owner, ExportFormat.JSONL)
    write_export(export_id=export.pk)
    Customer.objects.create(organization=owner.organization, name="Later")
    settle()
    while not write_export(export_id=export.pk):
        pass
    assert "Later" not in content(owner, export)


def test_an_export_is_cancelled(owner: Membership) -> None:
    export = asked(owner, ExportFormat.CSV)
    write_export(export_id=export.pk)
    cancel_export(by=owner, export_id=export.pk)
    assert write_export(export_id=export.pk)
    export.refresh_from_db()
    assert (export.state, export.pieces.count()) == (ExportState.CANCELLED, 0)
    assert actions(owner.organization_id)[-1] == "export.cancelled"


def test_no_more_than_some_run_at_once(owner: Membership) -> None:
    for _number in range(exports.MOST_RUNNING):
        asked(owner, ExportFormat.CSV)
    with pytest.raises(TooManyExports):
        asked(owner, ExportFormat.CSV)


def test_an_export_begins_on_the_page_and_is_fetched_there(owner: Membership) -> None:
    client = Client()
    client.force_login(owner.user)
    answer = client.post("/app/settings/audit/exports/?object_type=customer", {"format": "csv"})
    assert answer.status_code == 302
    export = AuditExport.objects.get()
    assert export.filters == {"object_type": "customer"}
    path = f"/app/settings/audit/exports/{export.pk}/"
    assert client.get(path).status_code == 200
    assert client.post(f"{path}file/").status_code == 409
    settle()
    while not write_export(export_id=export.pk):
        pass
    answer = client.post(f"{path}file/")
    assert answer["Content-Disposition"] == f'attachment; filename="{export.file_name}"'
    assert b"".join(answer.streaming_content).startswith("\ufeffseq,".encode())  # type: ignore[attr-defined]


def test_an_export_with_a_wrong_filter_is_none(owner: Membership) -> None:
    """It would be of everything."""
    client = Client()
    client.force_login(owner.user)
    for query in ("since=never", "actor=nobody"):
        address = f"/app/settings/audit/exports/?object_type=customer&{query}"
        answer = client.post(address, {"format": "csv"}, follow=True)
        assert "A filter is wrong, so nothing is exported." in answer.content.decode()
    assert not AuditExport.objects.exists()


def test_a_stranger_fetches_nothing(owner: Membership, stranger: Membership) -> None:
    export = asked(owner, ExportFormat.CSV)
    client = Client()
    client.force_login(stranger.user)
    path = f"/app/settings/audit/exports/{export.pk}/"
    assert client.get(path).status_code == 404
    for word in ("file", "cancel"):
        assert client.post(f"{path}{word}/").status_code == 404
    export.refresh_from_db()
    assert export.state == ExportState.WAITING


def test_old_files_are_dropped(owner: Membership) -> None:
    export = asked(owner, ExportFormat.CSV)
    AuditExport.objects.filter(pk=export.pk).update(created_at=export.created_at - exports.KEPT)
    assert purge_exports() >= 1
    assert not AuditExport.objects.exists()


def test_a_file_holds_no_more_than_who_asked_may_see(owner: Membership) -> None:
    settings_only = member_with(
        owner.organization, "Sven", rights(Module.SETTINGS, Level.ALL, Level.ALL)
    )
    everything = asked(owner, ExportFormat.JSONL)
    some = ask_for_export(
        by=settings_only,
        file_format=ExportFormat.JSONL,
        filters=Filters(),
        language_code="en",
    )
    settle()
    for export in (everything, some):
        while not write_export(export_id=export.pk):
            pass
    assert '"customer.created"' in content(owner, everything)
    told = content(settings_only, some)
    assert '"role.created"' in told
    assert "customer." not in told.replace('"customer"', "")
    with pytest.raises(ExportNotFound):
        fetch_export(by=settings_only, export_id=everything.pk)

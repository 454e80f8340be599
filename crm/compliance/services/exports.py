"""Services of audit exports: request, write in chunks, cancel, download."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import override

from crm.billing.metrics import Feature, Metric
from crm.billing.services import consume, require_feature
from crm.compliance import chain
from crm.compliance.actor import Actor, acting
from crm.compliance.errors import ExportNotFound, ExportNotReady, TooManyExports
from crm.compliance.filters import Filters
from crm.compliance.managers import hidden_kinds
from crm.compliance.models import (
    ActorKind,
    AuditEntry,
    AuditExport,
    AuditExportChunk,
    AuditValues,
    ExportFormat,
    ExportState,
)
from crm.compliance.presentation import tell
from crm.compliance.services.audit_log import record
from crm.core import tenancy
from crm.core.permissions import WRITE, Module, Principal, require
from crm.organizations.models import Organization

PIECE = 1000
# Pieces of one task; a longer export goes on in the next one.
PIECES_AT_ONCE = 100
MOST_RUNNING = 3
KEPT = timedelta(days=7)
LATE = timedelta(minutes=2)
COLUMNS = (
    "seq", "time", "what", "action", "actor_kind", "actor_id", "actor", "address", "object_type",
    "object_id", "details", "values", "correlation_id", "hash",
)  # fmt: skip
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@transaction.atomic
def ask_for_export(
    *, by: Principal, file_format: ExportFormat, filters: Filters, language_code: str
) -> AuditExport:
    """Start an export of the present audit.

    Raise TooManyExports, FeatureNotInPlan or QuotaExceeded.
    """
    require(by, Module.SETTINGS, WRITE)
    require_feature(Feature.AUDIT_EXPORT, organization_id=by.organization_id)
    # The organization's row is the lock of the count.
    Organization.objects.select_for_update().get(pk=by.organization_id)
    theirs = AuditExport.objects.filter(organization_id=by.organization_id)
    if theirs.unfinished().count() >= MOST_RUNNING:
        raise TooManyExports
    export = AuditExport.objects.create(
        organization_id=by.organization_id,
        asked_by_id=by.user_id,
        format=file_format,
        filters=replace(filters, without=tuple(hidden_kinds(by))).stored(),
        language_code=language_code,
        until=timezone.now(),
    )
    consume(
        organization_id=by.organization_id,
        metric=Metric.BACKGROUND_TASKS,
        key=f"audit_export/{export.pk}",
    )
    _tell(export, "asked")
    return export


def write_export(*, export_id: UUID) -> bool:
    """Write the next chunk of an export. Return whether it is finished. Safe to repeat."""
    export = AuditExport.objects.filter(pk=export_id).first()
    if export is None or not export.is_active:
        return True
    if export.state == ExportState.WAITING:
        total = _entries(export).count()
        AuditExport.objects.filter(pk=export_id, state=ExportState.WAITING).update(
            state=ExportState.RUNNING, total=total, updated_at=timezone.now()
        )
    actor = Actor(ActorKind.USER, str(export.asked_by_id)) if export.asked_by_id else None
    with acting(actor or Actor(ActorKind.SYSTEM)), override(export.language_code):
        return any(_write_piece(export_id) for _piece in range(PIECES_AT_ONCE))


@transaction.atomic
def cancel_export(*, by: Principal, export_id: UUID) -> AuditExport:
    """Cancel an export and delete its file. Safe to repeat."""
    export = _locked(by, export_id)
    if export.is_active:
        export.pieces.all().delete()
        _finish(export, ExportState.CANCELLED)
        _tell(export, "cancelled")
    return export


@transaction.atomic
def fetch_export(*, by: Principal, export_id: UUID) -> tuple[AuditExport, Iterator[bytes]]:
    """Return an export and its file in chunks; the download is audited."""
    export = _locked(by, export_id)
    if export.state != ExportState.DONE:
        raise ExportNotReady
    _tell(export, "fetched")
    return export, _pieces(export)


def late_exports() -> list[tuple[UUID, UUID]]:
    """Return (organization, export) ids of exports without recent progress."""
    late = AuditExport.objects.unfinished().filter(updated_at__lt=timezone.now() - LATE)
    return list(late.values_list("organization_id", "pk")[:100])


def purge_exports() -> int:
    count, _each = AuditExport.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return count


@transaction.atomic
def _write_piece(export_id: UUID) -> bool:
    """Write a chunk under the export's lock. Return whether the export is finished."""
    export = AuditExport.objects.select_for_update().filter(pk=export_id).first()
    if export is None or not export.is_active:
        return True
    entries = _entries(export).oldest_first()
    if export.reached_at:
        entries = entries.filter(at__gt=export.reached_at)
    rows = list(entries[:PIECE])
    # Where nothing was found, the file still has its head.
    if rows or not export.chunks:
        text = _csv(rows, with_head=not export.chunks) if _is_csv(export) else _jsonl(rows)
        AuditExportChunk.objects.create(
            organization_id=export.organization_id,
            export=export,
            number=export.chunks,
            content=text.encode(),
        )
        export.chunks += 1
        export.done += len(rows)
        export.reached_at = rows[-1].at if rows else None
        export.save(update_fields=["chunks", "done", "reached_at", "updated_at"])
    if len(rows) == PIECE:
        return False
    _finish(export, ExportState.DONE)
    _tell(export, "done")
    return True


def _entries(export: AuditExport) -> Any:
    entries = AuditEntry.objects.of(export.organization_id).before(export.until)
    return Filters.load(export.filters).narrow(entries)


def _is_csv(export: AuditExport) -> bool:
    return export.format == ExportFormat.CSV


def _records(entries: list[AuditEntry]) -> Iterator[dict[str, Any]]:
    values = AuditValues.objects.personal(entries)
    for told in tell(entries):
        entry = told.entry
        beside = values.get((entry.organization_id, entry.at))
        yield {
            "seq": entry.seq,
            "time": chain.text_of(entry.at),
            "what": told.title,
            "action": entry.action,
            "actor_kind": entry.actor_kind,
            "actor_id": entry.actor_id,
            "actor": told.actor,
            "address": told.address,
            "object_type": entry.object_type,
            "object_id": entry.object_id,
            "details": entry.details,
            "values": beside.data if beside else None,
            "correlation_id": entry.correlation_id,
            "hash": bytes(entry.hash).hex(),
        }


def _jsonl(entries: list[AuditEntry]) -> str:
    return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in _records(entries))


def _csv(entries: list[AuditEntry], *, with_head: bool) -> str:
    text = io.StringIO()
    # The mark by which spreadsheets know UTF-8.
    if with_head:
        text.write("\ufeff")
    writer = csv.writer(text)
    if with_head:
        writer.writerow(COLUMNS)
    for each in _records(entries):
        writer.writerow(_cells(each[name] for name in COLUMNS))
    return text.getvalue()


def _cells(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        text = value if isinstance(value, str) else _text(value)
        yield f"'{text}" if text.startswith(_FORMULA) else text


def _text(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _locked(by: Principal, export_id: UUID) -> AuditExport:
    require(by, Module.SETTINGS, WRITE)
    export = AuditExport.objects.visible_to(by).select_for_update().filter(pk=export_id).first()
    if export is None:
        raise ExportNotFound
    return export


def _finish(export: AuditExport, state: ExportState) -> None:
    export.state = state
    export.finished_at = timezone.now()
    export.save(update_fields=["state", "finished_at", "updated_at"])


def _pieces(export: AuditExport) -> Iterator[bytes]:
    for number in range(export.chunks):
        # The file is read while it is sent: after the request's own work, and its scope, are over.
        with tenancy.organization(export.organization_id):
            piece = AuditExportChunk.objects.filter(export=export, number=number).first()
        if piece is None:
            return
        yield bytes(piece.content)


def _tell(export: AuditExport, what: str) -> None:
    record(
        organization_id=export.organization_id,
        action=f"export.{what}",
        object_type="export",
        object_id=str(export.pk),
        details={
            "of": "audit",
            "format": export.format,
            "filters": export.filters,
            "entries": export.done,
        },
    )

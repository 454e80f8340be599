"""Exports of the audit, as jobs."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from crm.billing.metrics import Feature
from crm.billing.services import require_feature
from crm.compliance import chain
from crm.compliance.filters import Filters
from crm.compliance.managers import hidden_kinds, permissions_of_kinds
from crm.compliance.models import AuditEntry
from crm.compliance.presentation import present_entries
from crm.core.jobs.kinds import FileInfo, JobKind, Run, Step, Steps, register_kind
from crm.core.jobs.models import Job
from crm.core.jobs.services import start_job
from crm.core.permissions import WRITE, Module, Principal, require
from crm.core.transfer.formats import Format, file_info, head_of, rows_of
from crm.customers.models import Customer

BATCH = 1000
COLUMNS = (
    "seq", "time", "what", "action", "actor_kind", "actor_id", "actor", "address", "object_type",
    "object_id", "details", "values", "correlation_id", "hash",
)  # fmt: skip


def start_export(
    *, by: Principal, file_format: Format, filters: Filters, withheld: Collection[str] = ()
) -> Job:
    """Start an export of the present audit. Entries of the object types in ``withheld`` are without
    values in it; where customers are among them, they are named by their ids.

    Raise TooManyJobs, FeatureNotInPlan or QuotaExceeded.
    """
    require(by, Module.SETTINGS, WRITE)
    require_feature(Feature.AUDIT_EXPORT, organization_id=by.organization_id)
    hidden = replace(filters, without=tuple(hidden_kinds(by)))
    until = timezone.now().isoformat()
    data = {
        "format": file_format,
        "filters": hidden.stored(),
        "until": until,
        "withheld": sorted(withheld),
    }
    return start_job(by=by, kind=AUDIT_EXPORT, data=data)


def _write(run: Run) -> Steps:
    form = Format(run.job.data["format"])
    total, done = _entries(run).count(), run.job.done
    if run.job.checkpoint is None:
        run.append(head_of(form, COLUMNS).encode())
    after = run.job.checkpoint
    while True:
        entries = _entries(run).oldest_first()
        rows = list((entries.filter(at__gt=parse_datetime(after)) if after else entries)[:BATCH])
        run.append(rows_of(form, COLUMNS, _records(rows, run)).encode())
        done += len(rows)
        if len(rows) < BATCH:
            run.job.done = run.job.total = done
            return {"entries": done}
        after = rows[-1].at.isoformat()
        yield Step(done=done, total=total, checkpoint=after)


def _entries(run: Run) -> Any:
    """Return the entries that are asked for and that the starter may still see."""
    until = parse_datetime(run.job.data["until"])
    assert until is not None  # noqa: S101  written by start_export
    require(run.by, Module.SETTINGS, WRITE)
    visible = AuditEntry.objects.visible_to(run.by).before(until)
    return Filters.load(run.job.data["filters"]).narrow(visible)


def _records(entries: list[AuditEntry], run: Run) -> Iterator[dict[str, Any]]:
    # A job of an earlier version names nothing.
    withheld = run.job.data.get("withheld", list(permissions_of_kinds()))
    customers = Customer.objects.visible_to(run.by)
    if "customer" in withheld:
        customers = customers.none()
    for each in present_entries(entries, customers=customers, withheld=withheld):
        entry = each.entry
        yield {
            "seq": entry.seq,
            "time": chain.text_of(entry.at),
            "what": each.title,
            "action": entry.action,
            "actor_kind": entry.actor_kind,
            "actor_id": entry.actor_id,
            "actor": each.actor,
            "address": each.address,
            "object_type": entry.object_type,
            "object_id": entry.object_id,
            "details": each.details,
            "values": each.values,
            "correlation_id": entry.correlation_id,
            "hash": bytes(entry.hash).hex(),
        }


def _may_fetch(principal: Principal, job: Job) -> bool:
    """Return whether the file holds nothing that the audit hides from the principal."""
    if not principal.may(Module.SETTINGS, WRITE):
        return False
    return set(hidden_kinds(principal)) <= set(job.data["filters"].get("without", ()))


def _file_permissions(job: Job) -> list[str]:
    needed = permissions_of_kinds()
    told = set(needed) - {*job.data.get("withheld", ()), *job.data["filters"].get("without", ())}
    return ["compliance.view_auditentry", *sorted(set().union(*(needed[kind] for kind in told)))]


def _file(job: Job, _name: str) -> FileInfo:
    return file_info(Format(job.data["format"]), f"audit-{job.created_at:%Y%m%d-%H%M%S}")


def _audited(job: Job) -> dict[str, Any]:
    request = {name: job.data[name] for name in ("format", "filters")}
    return {"of": "audit", **request, "entries": job.result.get("entries", job.done)}


AUDIT_EXPORT = register_kind(
    JobKind(
        name="compliance.audit_export",
        label=_("Export of the audit"),
        run=_write,
        may_fetch=_may_fetch,
        file=_file,
        file_permissions=_file_permissions,
        audited_as="export",
        audited=_audited,
    )
)

"""The audit pages: search, details, export."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.compliance.forms import AuditFilterForm, ExportForm
from crm.compliance.managers import AuditEntryQuerySet
from crm.compliance.models import AuditEntry
from crm.compliance.presentation import present_entries
from crm.compliance.services.exports import AUDIT_EXPORT, start_export
from crm.core.api.cursors import decode_cursor, encode_cursor
from crm.core.errors import AppError
from crm.core.form_guard.idempotency import once
from crm.core.jobs.models import Job
from crm.core.jobs.presentation import present
from crm.core.permissions import WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.core.transfer.formats import Format
from crm.customers.models import Customer
from crm.organizations.access import membership_of

PAGE = {"active_section": "settings", "active_page": "audit"}
SHOWN = 50
EXPORTS_SHOWN = 5
CURSOR = "audit page"


@never_cache
@member_required
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """Render the audit, the newest first."""
    membership = membership_of(request)
    require(membership, Module.SETTINGS, WRITE)
    form = AuditFilterForm(request.GET if _is_asked(request) else None, by=membership)
    entries = form.filters().narrow(AuditEntry.objects.visible_to(membership))
    shown = _page(entries, request.GET.get("after"))
    context: dict[str, Any] = {
        **PAGE,
        "form": form,
        "is_narrowed": bool(form.filters().stored()),
        "query": _query(request),
        "entries": present_entries(
            shown[:SHOWN], customers=Customer.objects.visible_to(membership)
        ),
        "next": _next(request, shown),
        "formats": Format.choices,
    }
    if request.htmx and request.GET.get("after"):  # type: ignore[attr-defined]  # by its middleware
        return render(request, "compliance/_rows.html", context)
    jobs = Job.objects.visible_to(membership).filter(kind=AUDIT_EXPORT.name).newest_first()
    context["exports"] = present(membership, jobs[:EXPORTS_SHOWN])
    return render(request, "compliance/audit.html", context)


@member_required
@require_POST
@once
def export(request: HttpRequest) -> HttpResponse:
    """Start an export with the page's filters."""
    membership = membership_of(request)
    chosen = ExportForm(request.POST)
    filters = AuditFilterForm(request.GET if _is_asked(request) else None, by=membership)
    if filters.is_bound and not filters.is_valid():
        messages.error(request, _("A filter is wrong, so nothing is exported. Correct it first."))
    elif chosen.is_valid():
        try:
            start_export(
                by=membership,
                file_format=Format(chosen.cleaned_data["format"]),
                filters=filters.filters(),
            )
        except AppError as refusal:
            if refusal.status not in {402, 409}:
                raise
            messages.error(request, refusal.message)
        else:
            messages.success(request, _("The export is being made; it appears above the list."))
    return redirect(f"{reverse('compliance:audit')}?{_query(request)}")


def _is_asked(request: HttpRequest) -> bool:
    return any(name in AuditFilterForm.base_fields for name in request.GET)


def _page(entries: AuditEntryQuerySet, after: str | None) -> list[AuditEntry]:
    if after:
        (at,) = decode_cursor(CURSOR, after)
        entries = entries.before(at)
    return list(entries.newest_first()[: SHOWN + 1])


def _query(request: HttpRequest) -> str:
    return urlencode(
        {name: request.GET[name] for name in AuditFilterForm.base_fields if request.GET.get(name)}
    )


def _next(request: HttpRequest, shown: list[AuditEntry]) -> str | None:
    if len(shown) <= SHOWN:
        return None
    after = encode_cursor(CURSOR, [shown[SHOWN - 1].at])
    return f"?{_query(request)}&{urlencode({'after': after})}"

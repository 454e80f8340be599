"""Bulk import of FAQs: paste or choose a file, preview, import."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from crm.core.errors import AppError
from crm.core.form_guard.idempotency import once
from crm.core.permissions.requests import member_required
from knowledge.forms import ImportForm
from knowledge.importing import MAX_ROWS, ImportText, read_text
from knowledge.services import import_rows
from knowledge.views.faqs import manager_of


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_required
@once
def import_page(request: HttpRequest) -> HttpResponse:
    """Render the preview of a text; with ``step=import``, store the importable rows.

    Rows that cannot be imported, and those whose question has another answer already, are returned
    in the field.
    """
    membership = manager_of(request)
    form = ImportForm(request.POST or None, request.FILES or None)
    read: ImportText | None = None
    status = 200
    if request.method == "POST":
        if not form.is_valid():
            return _page(request, form, None, status=422)
        text = form.cleaned_data["text"]
        read = read_text(text, fallback_language=membership.organization.language_code)
        read = read.with_known(membership.organization_id)
        if request.POST.get("step") == "import" and read.importable():
            try:
                made = import_rows(by=membership, rows=read.rows)
            except AppError as refusal:
                form.add_error(None, refusal.message)
                status = refusal.status
            else:
                messages.success(
                    request,
                    ngettext(
                        "%(count)d FAQ was imported. The bot knows it in a moment.",
                        "%(count)d FAQs were imported. The bot knows them in a moment.",
                        len(made),
                    )
                    % {"count": len(made)},
                )
                # Marked anew: a colleague may have added one of the questions meanwhile.
                rest = read.with_known(membership.organization_id).rest()
                if not rest:
                    return redirect("knowledge:list")
                form = ImportForm({"text": rest})
                form.is_valid()
                read = read_text(rest, fallback_language=membership.organization.language_code)
                read = read.with_known(membership.organization_id)
        else:
            # The field holds what is shown, also where it came from a file.
            form = ImportForm({"text": text})
            form.is_valid()
    return _page(request, form, read, status=status)


def _page(
    request: HttpRequest, form: ImportForm, read: ImportText | None, *, status: int
) -> HttpResponse:
    context: dict[str, Any] = {
        "active_section": "faqs",
        "active_tab": "faqs",
        "form": form,
        "read": read,
        "most": MAX_ROWS,
    }
    if read:
        context |= {
            "ready": len(read.importable()),
            "wrong": sum(1 for row in read.rows if row.error),
            "known": sum(1 for row in read.rows if row.is_known),
            "otherwise": sum(1 for row in read.rows if row.is_answered_otherwise),
        }
        if not read.rows:
            form.add_error("text", _("There is no question in this text yet."))
    return render(request, "knowledge/import.html", context, status=status)

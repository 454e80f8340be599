"""Bulk actions on the selected rows of a list: confirmation, execution, report."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from crm.core.errors import BadRequest, TooFast
from crm.core.fields import whole_number
from crm.core.form_guard.idempotency import once, once_with_form
from crm.core.forms import Form
from crm.core.ids import uuid7
from crm.core.jobs.errors import JobNotFound
from crm.core.jobs.models import Job
from crm.core.permissions import Principal
from crm.core.permissions.requests import member_required
from crm.core.ratelimit import count_form
from crm.core.records import BulkAction, ListState, Record, get_record
from crm.core.records.bulk import BulkResult, ChosenRow, checked, choose, run_bulk
from crm.core.records.bulk_jobs import count_for_job, start_bulk, start_undo
from crm.core.records.lists import VIEW
from crm.core.records.pages.lists import (
    chosen_view,
    posted_state,
    url_after_saving,
    writer_of,
)
from crm.core.records.saved_views import views_of
from crm.core.text.normalization import isolate
from crm.core.undo.services import offer_undo

# With "all that match", more rows than this are handled by a job, to keep requests short.
AT_ONCE = 200
# Rows that a report names for each reason.
MAX_NAMED = 3


class ValueField(forms.ChoiceField):
    """The choice of the value that many rows get.

    At first none is chosen, and to clear the value is a choice like others.
    """

    CLEAR = "-"

    def __init__(self, field: forms.ChoiceField) -> None:
        self._field = field
        clearing = (self.CLEAR, _("Clear the value"))
        given: Any = field.choices
        choices = [clearing if key == "" else (key, label) for key, label in given]
        super().__init__(
            label=field.label,
            choices=[("", _("Choose…")), *choices],
            widget=forms.Select(attrs=dict(field.widget.attrs)),
        )

    def clean(self, value: Any) -> Any:
        chosen = super().clean(value)
        return self._field.clean("" if chosen == self.CLEAR else chosen)


class ActionForm(Form):
    """The value that an action stores; ``refusal_status`` is that of the page with its errors."""

    refusal_status = 422


@require_POST
@never_cache
@member_required
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """Render the confirmation of an action: the number of rows and the value to choose."""
    record, action, writer = _asked(request, slug)
    form = _form(record, action, writer, None)
    if not request.POST.get("all"):
        chosen = _rows(request.POST.getlist("row"))
        return _page(request, record, action, form, chosen=chosen)
    state, asked = posted_state(request, record), uuid7()
    count = count_for_job(state, writer)
    chosen = choose(state.rows(writer)) if count <= AT_ONCE else []
    return _page(request, record, action, form, chosen=chosen, all_of=(state, asked, count))


@require_POST
@never_cache
@member_required
@once_with_form
def run(request: HttpRequest, slug: str) -> HttpResponse:
    """Apply the action to the confirmed rows and redirect to the list.

    For all rows of a long list, start a job and redirect to its progress.
    """
    record, action, writer = _asked(request, slug)
    form = _form(record, action, writer, request.POST)
    if "asked" in request.POST:
        return _start_job(request, record, action, writer, form)
    chosen = _rows(request.POST.get("rows", "").split(","))
    if not _is_counted(request, form) or not form.is_valid():
        return _page(request, record, action, form, chosen=chosen)
    values = action.values or form.cleaned_data
    result = run_bulk(
        by=writer, record=record, action=action, chosen=chosen, values=values, is_exclusive=True
    )
    _report(request, action, result)
    if "from_page" in request.POST and not action.is_deletion:
        return redirect(url_after_saving(request, record, writer, chosen[0].pk))
    return redirect(f"{record.list_url}{_list_query(request, record, writer)}")


def _start_job(
    request: HttpRequest, record: Record, action: BulkAction, writer: Principal, form: ActionForm
) -> HttpResponse:
    state = posted_state(request, record)
    try:
        asked = UUID(request.POST["asked"])
    except ValueError as error:
        raise BadRequest from error
    if not _is_counted(request, form) or not form.is_valid():
        all_of = (state, asked, count_for_job(state, writer))
        return _page(request, record, action, form, chosen=[], all_of=all_of)
    values = action.values or form.cleaned_data
    job = start_bulk(by=writer, state=state, action=action, values=values, asked=asked)
    return redirect("jobs:job", job_id=job.pk)


@require_POST
@member_required
@once
def undo_job(request: HttpRequest, slug: str, job_id: UUID) -> HttpResponse:
    """Undo an action that ran as a job."""
    writer = writer_of(request, get_record(slug))
    job = Job.objects.visible_to(writer).filter(pk=job_id).first()
    if job is None:
        raise JobNotFound
    return redirect("jobs:job", job_id=start_undo(by=writer, job=job).pk)


def _is_counted(request: HttpRequest, form: ActionForm) -> bool:
    """Count a form; add the refusal to one that comes too fast."""
    try:
        count_form(request)
    except TooFast as refusal:
        form.add_error(None, refusal.message)
        form.refusal_status = refusal.status
        return False
    return True


def _asked(request: HttpRequest, slug: str) -> tuple[Record, BulkAction, Principal]:
    record = get_record(slug)
    writer = writer_of(request, record)
    key = request.POST.get("action")
    action = next((each for each in record.bulk_actions if each.key == key), None)
    if action is None:
        raise BadRequest
    return record, action, writer


def _list_query(request: HttpRequest, record: Record, reader: Principal) -> str:
    """Return the query string of the list on which the rows were selected."""
    given = QueryDict(request.POST.get("list", "").removeprefix("?"))
    base = chosen_view(record, views_of(reader, record), given.get(VIEW, ""))
    return ListState.from_parameters(record, given, base).url(base)


def _rows(texts: list[str]) -> list[ChosenRow]:
    """Parse "<id>:<version>", or an id for the present version.

    Raise BadRequest, TooManyRows or NothingChosen.
    """
    chosen = []
    for text in filter(None, texts):
        pk, colon, version = text.partition(":")
        try:
            chosen.append(ChosenRow(UUID(pk), (whole_number(version) or 0) if colon else None))
        except ValueError as error:
            raise BadRequest from error
    return checked(chosen)


def _form(
    record: Record, action: BulkAction, writer: Principal, data: QueryDict | None
) -> ActionForm:
    """Return the form with the action's ``field``, or one without fields."""
    fields: dict[str, forms.Field] = {}
    if action.field and (field := record.field(action.field)):
        made = field.form_field(writer)
        fields[action.field] = ValueField(made) if isinstance(made, forms.ChoiceField) else made
    return type("BulkForm", (ActionForm,), fields)(data)


def _page(
    request: HttpRequest,
    record: Record,
    action: BulkAction,
    form: ActionForm,
    *,
    chosen: list[ChosenRow],
    all_of: tuple[ListState, UUID, int] | None = None,
) -> HttpResponse:
    """Render the confirmation for ``chosen`` rows or, if there are none, for a whole list.

    ``all_of`` is the list's state, the UUIDv7 of when it was first asked, and its number of rows.
    """
    context: dict[str, Any] = {
        "active_section": record.section,
        "record": record,
        "action": action,
        "form": form,
        "count": len(chosen),
        "rows": ",".join(each.text for each in chosen),
        "list": _list_query(request, record, writer_of(request, record)),
    }
    if all_of and not chosen:
        state, asked, count = all_of
        stored = json.dumps(state.stored(), ensure_ascii=False)
        context |= {"is_job": True, "count": count, "state": stored, "asked": asked}
    is_fragment = bool(request.htmx)  # type: ignore[attr-defined]
    template = "records/_bulk.html" if is_fragment else "records/bulk.html"
    return render(request, template, context, status=form.refusal_status if form.errors else 200)


def _report(request: HttpRequest, action: BulkAction, result: BulkResult) -> None:
    if done := result.done:
        text = (
            ngettext("%(count)d entry was deleted.", "%(count)d entries were deleted.", done)
            if action.is_deletion
            else ngettext("%(count)d entry was changed.", "%(count)d entries were changed.", done)
        )
        offer_undo(request, text % {"count": done}, result.action_id)
    if same := result.same:
        text = ngettext(
            "%(count)d entry was so already.", "%(count)d entries were so already.", same
        )
        messages.info(request, text % {"count": same})
    for reason, rows in result.reasons().items():
        count = len(rows)
        text = ngettext("%(count)d entry was left out", "%(count)d entries were left out", count)
        left = text % {"count": count}
        if named := ", ".join(isolate(each.title) for each in rows[:MAX_NAMED] if each.title):
            left += f" ({named}{', …' if count > MAX_NAMED else ''})"
        messages.error(request, _("%(left)s: %(reason)s") % {"left": left, "reason": reason})

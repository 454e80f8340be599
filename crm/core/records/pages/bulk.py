"""Actions on the chosen rows of a list: asked once more, done, reported."""

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

from crm.core.errors import BadRequest
from crm.core.fields import whole_number
from crm.core.form_guard.idempotency import once
from crm.core.forms import Form
from crm.core.jobs.errors import JobNotFound
from crm.core.jobs.models import Job
from crm.core.permissions import Principal
from crm.core.permissions.requests import member_required
from crm.core.records import BulkAction, ListState, Record, get_record
from crm.core.records.bulk import BulkResult, ChosenRow, checked, choose, run_bulk
from crm.core.records.bulk_jobs import count_for_job, start_bulk, start_undo
from crm.core.records.lists import VIEW
from crm.core.records.pages.lists import chosen_view, writer_of
from crm.core.records.saved_views import views_of
from crm.core.text.normalization import isolate
from crm.core.undo.services import offer_undo

# Of a whole list, more are done by a job: a request is not to last.
AT_ONCE = 200
# Rows that a report names, of each reason.
MOST_NAMED = 3


@require_POST
@never_cache
@member_required
def ask(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask whether the action is meant, with the number of rows and the value to choose."""
    record, action, writer = _asked(request, slug)
    state, base = _list(request, record, writer)
    chosen: list[ChosenRow] = []
    count = count_for_job(state, writer) if request.POST.get("all") else 0
    if not count:
        chosen = _rows(request.POST.getlist("row"))
    elif count <= AT_ONCE:
        chosen = choose(state.rows(writer))
    form = _form(record, action, None)
    return _page(request, record, action, chosen, state.url(base), form, count=count)


@require_POST
@never_cache
@member_required
@once
def run(request: HttpRequest, slug: str) -> HttpResponse:
    """Do the action to the rows that were confirmed, and return to the list.

    For all of a long list, start a job and show its progress.
    """
    record, action, writer = _asked(request, slug)
    state, base = _list(request, record, writer)
    is_job = "all" in request.POST
    chosen = [] if is_job else _rows(request.POST.get("rows", "").split(","))
    form = _form(record, action, request.POST)
    if not form.is_valid():
        count = count_for_job(state, writer) if is_job else 0
        address = state.url(base)
        return _page(request, record, action, chosen, address, form, count=count, status=422)
    values = action.values or form.cleaned_data
    if is_job:
        job = start_bulk(by=writer, state=state, action=action, values=values)
        return redirect("jobs:job", job_id=job.pk)
    result = run_bulk(
        by=writer, record=record, action=action, chosen=chosen, values=values, is_alone=True
    )
    _report(request, action, result)
    if "from_page" in request.POST and not action.is_deletion:
        return redirect(record.url_of_id(chosen[0].pk))
    return redirect(f"{record.list_url}{state.url(base)}")


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


def _asked(request: HttpRequest, slug: str) -> tuple[Record, BulkAction, Principal]:
    record = get_record(slug)
    writer = writer_of(request, record)
    key = request.POST.get("action")
    action = next((each for each in record.bulk_actions if each.key == key), None)
    if action is None:
        raise BadRequest
    return record, action, writer


def _list(request: HttpRequest, record: Record, reader: Principal) -> tuple[ListState, ListState]:
    """Return the state of the list that the rows were chosen on, and that of its view."""
    given = QueryDict(request.POST.get("list", "").removeprefix("?"))
    base = chosen_view(record, views_of(reader, record), given.get(VIEW, ""))
    return ListState.from_parameters(record, given, base), base


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


def _form(record: Record, action: BulkAction, data: QueryDict | None) -> Form:
    """Return the form with the field whose value is chosen, if there is one."""
    fields: dict[str, forms.Field] = {}
    if action.field and (field := record.field(action.field)):
        fields[action.field] = field.form_field()
    return type("BulkForm", (Form,), fields)(data)


def _page(
    request: HttpRequest,
    record: Record,
    action: BulkAction,
    chosen: list[ChosenRow],
    address: str,
    form: Form,
    *,
    count: int = 0,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "active_section": record.slug,
        "record": record,
        "action": action,
        "form": form,
        "count": len(chosen) or count,
        "is_job": not chosen,
        "rows": ",".join(each.text for each in chosen),
        "list": address,
    }
    is_fragment = bool(request.htmx)  # type: ignore[attr-defined]
    template = "records/_bulk.html" if is_fragment else "records/bulk.html"
    return render(request, template, context, status=status)


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
        if named := ", ".join(isolate(each.title) for each in rows[:MOST_NAMED] if each.title):
            left += f" ({named}{', …' if count > MOST_NAMED else ''})"
        messages.error(request, _("%(left)s: %(reason)s") % {"left": left, "reason": reason})

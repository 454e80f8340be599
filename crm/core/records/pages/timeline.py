"""The timeline on the page of a row, and the forms of its notes."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.core.errors import InvalidField, TooFast
from crm.core.form_guard.edits import EditForm, version_of
from crm.core.form_guard.idempotency import once, once_with_form
from crm.core.models import Note
from crm.core.models.note import NOTE_LENGTH
from crm.core.notifications.people import members_named
from crm.core.permissions import READ, Principal, can_access
from crm.core.permissions.errors import ImpersonatingReadOnly
from crm.core.permissions.requests import member_required
from crm.core.quotas import QuotaExceeded
from crm.core.ratelimit import count_form
from crm.core.records import Record, get_record
from crm.core.records.lists import CURSOR
from crm.core.records.notes import (
    NoteNotYours,
    delete_note,
    is_author,
    may_delete,
    may_sign,
    update_note,
    visible_note,
)
from crm.core.records.pages.lists import visible_row, writer_of
from crm.core.records.timeline import Entry, sources_of, timeline
from crm.core.text.folding import MAX_SEARCH_LENGTH
from crm.core.text.normalization import normalize_line
from crm.core.undo.services import offer_undo
from crm.core.versions import NOT_DELETED, EditedMeanwhile

KIND = "kind"
# Names that are offered behind an @.
MAX_NAMES = 8
# Refusals of a note that stand at its text, on the page that keeps it.
NOTE_REFUSALS = (TooFast, QuotaExceeded, InvalidField)


class NoteInput(forms.Textarea):
    """A text field that offers names behind an ``@``; ``data-mentions`` is where it asks."""

    class Media:
        css: ClassVar = {"all": ["records/mentions.css"]}
        js: ClassVar = [forms.Script("records/mentions.js", type="module")]


class NoteForm(EditForm):
    text = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=NOTE_LENGTH,
        widget=NoteInput(
            attrs={"class": "form-control", "rows": 3, "dir": "auto", "autocomplete": "off"}
        ),
    )

    def offer_names(self, record: Record, row_id: UUID) -> "NoteForm":
        """Return this form, whose field asks for the names of colleagues behind an ``@``."""
        url = record.reverse("mention_names", row_id)
        self.fields["text"].widget.attrs["data-mentions"] = url
        return self


def timeline_context(
    request: HttpRequest,
    record: Record,
    reader: Principal,
    row: Any,
    *,
    may_write: bool,
    form: NoteForm | None = None,
) -> dict[str, Any]:
    """Return what the panel of a row's timeline shows. Raise TimelineKindInvalid, CursorInvalid."""
    kind = request.GET.get(KIND, "")
    may_note = may_write and may_sign(reader)
    page = timeline(reader, record, row, kind=kind, cursor=request.GET.get(CURSOR))
    base = record.url_of(row)
    query = f"?{KIND}={kind}&" if kind else "?"
    return {
        "has_timeline": True,
        "entries": [_ShownEntry(each, reader, may_write=may_write) for each in page.entries],
        "timeline_kinds": [("", _("Everything")), *((s.key, s.label) for s in sources_of(record))],
        "timeline_kind": kind,
        "timeline_base": base,
        "timeline_next": f"{base}{query}{CURSOR}={page.next_cursor}" if page.next_cursor else "",
        "note_form": (form or NoteForm()).offer_names(record, row.pk) if may_note else None,
        "note_urls": record.reverse("add_note", row.pk),
    }


class _ShownEntry:
    """An entry, and what the reader may do with its note."""

    def __init__(self, entry: Entry, reader: Principal, *, may_write: bool) -> None:
        self.entry = entry
        note = entry.note
        self.may_edit = may_write and note is not None and is_author(reader, note)
        self.may_delete = may_write and note is not None and may_delete(reader, note)


@require_http_methods(["GET", "POST"])
@never_cache
@member_required
@once_with_form
def edit_note(request: HttpRequest, slug: str, note_id: UUID, **ids: UUID) -> HttpResponse:
    """Change one's own note; a conflict shows both texts."""
    record = get_record(slug)
    writer = writer_of(request, record)
    (row_id,) = ids.values()
    note = visible_note(writer, record, row_id, note_id)
    if not may_sign(writer):
        raise ImpersonatingReadOnly
    if not is_author(writer, note):
        raise NoteNotYours
    form = NoteForm(request.POST or None, initial={"text": note.text}, record=note)
    form.offer_names(record, row_id)
    if request.method == "POST":
        try:
            count_form(request)
            if form.is_valid():
                version = version_of(request)
                update_note(
                    by=writer,
                    record=record,
                    row_id=row_id,
                    note_id=note_id,
                    version=version,
                    **form.cleaned_data,
                )
                messages.success(request, _("The note was saved."))
                return redirect(f"{record.url_of_id(row_id)}#timeline")
        except EditedMeanwhile as refusal:
            note = visible_note(writer, record, row_id, note_id)
            form.meet(note, {"text": note.text})
            return _edit_page(request, record, note, form, status=refusal.status)
        except NOTE_REFUSALS as refusal:
            form.add_error("text", refusal.message)
            return _edit_page(request, record, note, form, status=refusal.status)
    return _edit_page(request, record, note, form, status=422 if form.errors else 200)


@require_safe
@never_cache
@member_required
def mention_names(request: HttpRequest, slug: str, **ids: UUID) -> HttpResponse:
    """Return ``{"names": [...]}``: colleagues who may see the row, by the beginning of a word."""
    record = get_record(slug)
    writer = writer_of(request, record)
    owner_ids = record.owner_ids_of(visible_row(record, writer, ids))
    text = normalize_line(request.GET.get("q", "").replace("\x00", ""))[:MAX_SEARCH_LENGTH]
    names = [
        each.actor_name
        for each in members_named(writer.organization_id, text)
        if each.user_id != writer.user_id and can_access(each, record.area, READ, owner_ids)
    ]
    return JsonResponse({"names": list(dict.fromkeys(names))[:MAX_NAMES]})


@require_POST
@member_required
@once
def remove_note(request: HttpRequest, slug: str, note_id: UUID, **ids: UUID) -> HttpResponse:
    """Delete a note, and offer undo."""
    record = get_record(slug)
    writer = writer_of(request, record)
    (row_id,) = ids.values()
    back = f"{record.url_of_id(row_id)}#timeline"
    try:
        action_id = delete_note(
            by=writer, record=record, row_id=row_id, note_id=note_id, version=version_of(request)
        )
    except EditedMeanwhile:
        messages.error(request, NOT_DELETED)
        return redirect(back)
    offer_undo(request, _("The note was deleted."), action_id)
    return redirect(back)


def _edit_page(
    request: HttpRequest, record: Record, note: Note, form: NoteForm, *, status: int
) -> HttpResponse:
    title = _("Edit the note")
    context = {
        "active_section": record.section,
        "record": record,
        "row": note,
        "form": form,
        "title": title,
        "heading": title,
        "back": f"{record.url_of_id(note.row_id)}#timeline",
    }
    return render(request, "records/form.html", context, status=status)

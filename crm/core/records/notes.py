"""Notes on the rows of records: services, and their entries in the timeline."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, pgettext_lazy

from crm.core.database.locks import keep_row
from crm.core.errors import Forbidden, InvalidField, NotFound
from crm.core.models import Note
from crm.core.permissions import WRITE, Module, Principal, require, require_record
from crm.core.permissions.errors import ImpersonatingReadOnly
from crm.core.records.notices import notify_mentioned
from crm.core.records.record import Record, find_record, records
from crm.core.records.timeline import Asked, Entry, Source, register_source
from crm.core.stored_text import require_room, require_room_for, typed_bytes
from crm.core.undo.services import record_undoable, register_undo, restore, snapshot
from crm.core.versions import check_version

NOTES = "notes"
# Longer than a deletion can be undone.
ORPHANS_KEPT_FOR = timedelta(days=2)


class NoteNotFound(NotFound):
    code = "note_not_found"
    message = gettext_noop("There is no such note, or it was deleted.")


class NoteNotYours(Forbidden):
    code = "note_not_yours"
    message = gettext_noop("Only its author can change a note. Write one of your own.")


@transaction.atomic
def create_note(*, by: Principal, record: Record, row_id: UUID, text: str) -> Note:
    """Write a note on a row that the principal may change.

    Raise Forbidden, InvalidField, and QuotaExceeded beyond the plan's text.
    """
    _require_own_name(by)
    row = _row(by, record, row_id)
    note = Note(
        organization_id=by.organization_id,
        record=record.slug,
        row_id=row.pk,
        author_id=by.user_id,
        actor=by.actor_id,
        author_name=by.actor_name[:255],
    )
    _write(note, text)
    note.save(force_insert=True)
    require_room(note.organization_id)
    notify_mentioned(by, record, note)
    return note


@transaction.atomic
def update_note(
    *, by: Principal, record: Record, row_id: UUID, note_id: UUID, version: int | None, text: str
) -> Note:
    """Change the text of the principal's note.

    Raise NoteNotFound, NoteNotYours, EditedMeanwhile or InvalidField, and QuotaExceeded for a
    longer text beyond the plan's.
    """
    _require_own_name(by)
    note = _locked(by, record, row_id, note_id)
    if not is_author(by, note):
        raise NoteNotYours
    check_version(note, version)
    if note.text == text:
        return note
    before = typed_bytes(note)
    _write(note, text)
    note.edited_at = timezone.now()
    note.save(update_fields=["text", "edited_at"])
    require_room_for(note, before)
    notify_mentioned(by, record, note)
    return note


@transaction.atomic
def delete_note(
    *, by: Principal, record: Record, row_id: UUID, note_id: UUID, version: int | None = None
) -> UUID | None:
    """Delete a note: its author may, and who manages the settings. Return the id for `undo`.

    Raise Forbidden, NoteNotFound, NoteNotYours or EditedMeanwhile.
    """
    _require_own_name(by)
    note = _locked(by, record, row_id, note_id)
    if not may_delete(by, note):
        raise NoteNotYours
    check_version(note, version)
    action_id = record_undoable(by=by, kind="note", data=snapshot(note))
    note.delete()
    return action_id


def visible_note(reader: Principal, record: Record, row_id: UUID, note_id: UUID) -> Note:
    """Return a note of a row that the reader may see. Raise NoteNotFound."""
    row = record.visible_to(reader).filter(pk=row_id).first()
    note = _of_row(reader, record, row_id).filter(pk=note_id).first() if row else None
    if note is None:
        raise NoteNotFound
    return note


def may_sign(by: Principal) -> bool:
    """Return whether a note of the principal's bears its own name: not an operator's who
    impersonates a member.
    """
    return by.impersonation is None


def is_author(by: Principal, note: Note) -> bool:
    """Return whether a note is the principal's: the member's, or that API key's."""
    if not may_sign(by):
        return False
    if by.user_id is not None:
        return note.author_id == by.user_id
    return note.author_id is None and note.actor == by.actor_id


def may_delete(by: Principal, note: Note) -> bool:
    return may_sign(by) and (is_author(by, note) or by.may(Module.SETTINGS, WRITE))


def purge_notes() -> int:
    """Delete the notes of rows that are gone for good; return their number."""
    count, now = 0, timezone.now()
    for record in records():
        if not record.has_timeline:
            continue
        notes = Note.objects.filter(record=record.slug)
        rows: Any = record.model._base_manager
        there = Exists(rows.filter(pk=OuterRef("row_id")))
        notes.filter(there, orphaned_at__isnull=False).update(orphaned_at=None)
        old = notes.filter(~there, orphaned_at__lt=now - ORPHANS_KEPT_FOR)
        count += old.delete()[0]
        notes.filter(~there, orphaned_at__isnull=True).update(orphaned_at=now)
    return count


def _entries(asked: Asked) -> list[Entry]:
    notes = _of_row(asked.reader, asked.record, asked.row.pk)
    return [
        Entry(
            kind=NOTES,
            id=note.pk,
            at=note.created_at,
            title=gettext("Note"),
            icon="file-text",
            actor=note.author_name,
            text=note.text,
            note=note,
        )
        for note in asked.newest(notes, NOTES, at="created_at")
    ]


def _of_row(by: Principal, record: Record, row_id: UUID) -> Any:
    return Note.objects.of_row(
        organization_id=by.organization_id, record=record.slug, row_id=row_id
    )


def _row(by: Principal, record: Record, row_id: UUID) -> Any:
    """Return a row that the principal may change, kept until the transaction ends.

    Raise NotFound or Forbidden.
    """
    row = record.visible_to(by).filter(pk=row_id).first()
    if row is None or not keep_row(record.model, row.pk):
        raise record.not_found
    require(by, record.area, WRITE)
    if owners := record.owner_ids_of(row):
        require_record(by, record.area, WRITE, owner_ids=owners)
    return row


def _require_own_name(by: Principal) -> None:
    if not may_sign(by):
        raise ImpersonatingReadOnly


def _locked(by: Principal, record: Record, row_id: UUID, note_id: UUID) -> Note:
    row = _row(by, record, row_id)
    found: Note | None = (
        _of_row(by, record, row.pk).select_for_update(of=("self",)).filter(pk=note_id).first()
    )
    if found is None:
        raise NoteNotFound
    return found


def _write(note: Note, text: str) -> None:
    note.text = text
    try:
        note.clean_fields()
    except ValidationError as error:
        raise InvalidField(error.messages[0], extra={"field": "text"}) from error


def _restore_note(by: Principal, data: dict[str, Any]) -> None:
    _require_own_name(by)
    restore(data)
    note = Note.objects.get(pk=UUID(data["pk"]))
    require_room(note.organization_id)
    record = find_record(note.record)
    if record is None:
        raise NoteNotFound
    _row(by, record, note.row_id)


register_undo("note", _restore_note, is_daily_work=True)
register_source(
    Source(key=NOTES, label=pgettext_lazy("of a record", "Notes"), read=_entries, rank=10)
)

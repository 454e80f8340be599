"""The API of a record's timeline and of the notes in it."""

from typing import Any, ClassVar
from uuid import UUID

from django.urls import URLPattern, reverse
from django.urls import path as url_path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api import (
    Body,
    Page,
    RecordQuery,
    created_response,
    etag_headers,
    example,
    expected_version,
    page_of,
    page_response,
    prose_field,
    record_response,
    refuses,
)
from crm.core.api.cursors import MAX_LENGTH
from crm.core.api.idempotency import idempotent
from crm.core.api.lists import MAX_LIMIT
from crm.core.api.module_view import ModuleView
from crm.core.api.schema import describe_operations
from crm.core.fields import MomentField, WholeNumberField
from crm.core.models import Note
from crm.core.models.note import NOTE_LENGTH
from crm.core.records.notes import create_note, delete_note, update_note, visible_note
from crm.core.records.record import Record
from crm.core.records.timeline import PAGE_SIZE, Entry, timeline


class ChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the name of a member
    before = serializers.CharField(allow_null=True, help_text="null if it may not be shown.")
    after = serializers.CharField(allow_null=True, help_text="null if it may not be shown.")


class TimelineEntrySerializer(serializers.Serializer[Entry]):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    at = MomentField()
    title = serializers.CharField(help_text="What was done, in words.")
    actor = serializers.CharField(help_text="Who did it; empty where nobody is known.")
    text = serializers.CharField()
    url = serializers.CharField(help_text="The path of a page with more, else empty.")
    changes = ChangeSerializer(many=True)


class NoteSerializer(serializers.ModelSerializer[Note]):
    class Meta:
        model = Note
        fields = ["id", "text", "author", "author_name", "created_at", "edited_at"]
        read_only_fields = fields


class NoteBody(Body):
    text = prose_field(max_length=NOTE_LENGTH)


# One for all records: its name in the document is.
_PAGE = page_of(TimelineEntrySerializer)


class TimelineQuery(RecordQuery):
    kind = serializers.CharField(
        max_length=40,
        required=False,
        help_text="`notes`, `changes`, or a kind that another part of the product adds.",
    )
    limit = WholeNumberField(min_value=1, max_value=MAX_LIMIT, default=PAGE_SIZE)
    cursor = serializers.CharField(required=False, max_length=MAX_LENGTH)


class _RowView(ModuleView):
    record: ClassVar[Record]
    note_name: ClassVar[str]


class RowTimeline(_RowView):
    def get(self, request: Request, **ids: UUID) -> Response:
        (pk,) = ids.values()
        query = TimelineQuery.read(request)
        row: Any = self.record.visible_to(self.principal).filter(pk=pk).first()
        if row is None:
            raise self.record.not_found
        found = timeline(
            self.principal,
            self.record,
            row,
            kind=query["kind"] or "",
            cursor=query["cursor"],
            limit=query["limit"],
        )
        page: Page[Any] = Page(found.entries, found.next_cursor)
        return page_response(
            request,
            query,  # type: ignore[arg-type]  # a page of several tables, so no list's
            page,
            lambda entries: [dict(TimelineEntrySerializer(each).data) for each in entries],
            TimelineEntrySerializer,
        )


class RowNotes(_RowView):
    @idempotent
    @refuses(404, 409)
    def post(self, request: Request, **ids: UUID) -> Response:
        (pk,) = ids.values()
        text = NoteBody.read(request)["text"]
        note = create_note(by=self.principal, record=self.record, row_id=pk, text=text)
        location = reverse(self.note_name, args=[pk, note.pk])
        return created_response(NoteSerializer(note).data, of=note, location=location)


class RowNote(_RowView):
    is_versioned = True

    def get(self, request: Request, note_id: UUID, **ids: UUID) -> Response:
        (pk,) = ids.values()
        note = visible_note(self.principal, self.record, pk, note_id)
        return record_response(request, NoteSerializer(note).data, of=note)

    @refuses(409)
    def patch(self, request: Request, note_id: UUID, **ids: UUID) -> Response:
        (pk,) = ids.values()
        text = NoteBody.read(request)["text"]
        version = expected_version(request)
        note = update_note(
            by=self.principal,
            record=self.record,
            row_id=pk,
            note_id=note_id,
            version=version,
            text=text,
        )
        return Response(NoteSerializer(note).data, headers=etag_headers(note))

    def delete(self, request: Request, note_id: UUID, **ids: UUID) -> Response:
        (pk,) = ids.values()
        delete_note(
            by=self.principal,
            record=self.record,
            row_id=pk,
            note_id=note_id,
            version=expected_version(request),
        )
        return Response(status=204)


def timeline_api_urls(record: Record, *, path: str, name: str, tag: str) -> list[URLPattern]:
    """Return the paths of the timeline and the notes of one record; ``path`` is that record's."""
    members = {
        "record": record,
        "area": record.area,
        "note_name": f"{record.namespace or record.slug}:{name}_note",
    }
    of = record.model.__name__
    views: dict[str, Any] = {
        "timeline": type(f"{of}Timeline", (RowTimeline,), members),
        "notes": type(f"{of}Notes", (RowNotes,), members),
        "note": type(f"{of}Note", (RowNote,), members),
    }
    body = {"request": NoteBody, "examples": example({"text": "Called back. Wants 20 pieces."})}
    described: dict[str, dict[str, Any]] = {
        "timeline get timeline": {
            "description": "List what happened to it, the newest first.",
            "parameters": [TimelineQuery],
            "responses": _PAGE,
        },
        "notes post notes_create": {
            "description": "Write a note on it.",
            "responses": {201: NoteSerializer},
            **body,
        },
        "note get notes_get": {
            "description": "Return one note.",
            "parameters": [RecordQuery],
            "responses": NoteSerializer,
        },
        "note patch notes_update": {
            "description": "Change the text of your own note.",
            "responses": NoteSerializer,
            **body,
        },
        "note delete notes_delete": {
            "description": "Delete a note of your own; with the settings' permission, any.",
            "request": None,
            "responses": {204: None},
        },
    }
    describe_operations(views, described, tag=tag, prefix=record.slug)
    return [
        url_path(f"{path}/timeline", views["timeline"].as_view(), name=f"{name}_timeline"),
        url_path(f"{path}/notes", views["notes"].as_view(), name=f"{name}_notes"),
        url_path(f"{path}/notes/<uuid:note_id>", views["note"].as_view(), name=f"{name}_note"),
    ]

"""What the API says of an import."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.core.fields import MomentField
from crm.core.permissions import Principal
from crm.core.records import Record, get_record
from crm.core.records.serializers import member_of
from crm.core.transfer.importing import has_faults, is_undoable
from crm.core.transfer.mapping import fields_of
from crm.core.transfer.models import Import, ImportMode, ImportState
from crm.core.transfer.outcomes import CREATED, FAULTY, UNCHANGED, UPDATED, report_for

_KINDS = (CREATED, UPDATED, UNCHANGED, FAULTY)


def field_names(record: Record) -> dict[str, str]:
    """Return the columns that can be imported, by their names in the API."""
    return {member_of(record, field): field.name for field in fields_of(record)}


class ImportChangeSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class ImportFaultSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Its heading; empty: the row as a whole.")
    reason = serializers.CharField()


class ImportExampleSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=_KINDS)
    number = serializers.IntegerField(help_text="Of the row, as a spreadsheet counts.")
    title = serializers.CharField(help_text="Empty of a faulty one.")
    cells = serializers.ListField(
        child=serializers.CharField(), help_text="The beginning of a faulty one."
    )
    changes = ImportChangeSerializer(many=True)
    faults = ImportFaultSerializer(many=True)


class ImportReportSerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    faulty = serializers.IntegerField()
    examples = ImportExampleSerializer(many=True, help_text="The first rows of each kind.")


class ImportFieldSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    heading = serializers.CharField()
    is_key = serializers.BooleanField(help_text="Whether entries can be recognized by it.")


class ImportSerializer(serializers.Serializer[Import]):
    """An import for the ``reader`` of the context."""

    id = serializers.UUIDField()
    record = serializers.CharField()
    file_name = serializers.CharField()
    size = serializers.IntegerField()
    state = serializers.ChoiceField(choices=ImportState.choices)
    job = serializers.UUIDField(
        source="job_id", allow_null=True, help_text="The last background task."
    )
    error = serializers.SerializerMethodField(help_text="Why the last task failed, else empty.")
    encoding = serializers.CharField(help_text="In which the file was read; empty of a workbook.")
    delimiter = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField(), help_text="The headings.")
    sample = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="The first rows, and some with letters beyond ASCII.",
    )
    rows = serializers.IntegerField()
    joined_cells = serializers.IntegerField(
        help_text="Cells that look like rows which a missing quotation mark joined."
    )
    joined_row = serializers.IntegerField(help_text="The row of the first one of them, or 0.")
    target_fields = serializers.SerializerMethodField(help_text="What columns can be mapped to.")
    mapping = serializers.SerializerMethodField(
        help_text='One of `target_fields` for each column, "" for none.'
    )
    mode = serializers.ChoiceField(choices=ImportMode.choices)
    key = serializers.SerializerMethodField(
        help_text="By which of `target_fields` entries are known."
    )
    preview = serializers.SerializerMethodField(help_text="Null until it was checked.")
    report = serializers.SerializerMethodField(help_text="Null until it was run.")
    rows_left = serializers.IntegerField(help_text="Rows that a cancelled one did not look at.")
    undo_report = serializers.DictField(child=serializers.IntegerField())
    is_undoable = serializers.SerializerMethodField()
    has_faults = serializers.SerializerMethodField(help_text="Whether those can be downloaded.")
    created_at = MomentField()
    finished_at = MomentField(allow_null=True, read_only=True)

    def get_error(self, found: Import) -> str:
        return found.job.error if found.job else ""

    @extend_schema_field(ImportFieldSerializer(many=True))
    def get_target_fields(self, found: Import) -> list[dict[str, Any]]:
        record = get_record(found.record)
        return [
            {
                "name": member_of(record, field),
                "heading": field.heading,
                "is_key": record.import_key(field.name) is not None,
            }
            for field in fields_of(record)
        ]

    def get_mapping(self, found: Import) -> list[str]:
        return [self._member(found, name) for name in found.mapping]

    def get_key(self, found: Import) -> str:
        return self._member(found, found.key)

    @extend_schema_field(ImportReportSerializer(allow_null=True))
    def get_preview(self, found: Import) -> dict[str, Any] | None:
        return self._report(found, found.preview)

    @extend_schema_field(ImportReportSerializer(allow_null=True))
    def get_report(self, found: Import) -> dict[str, Any] | None:
        return self._report(found, found.report)

    def _report(self, found: Import, stored: Mapping[str, Any]) -> dict[str, Any] | None:
        return _report(report_for(self.context["reader"], get_record(found.record), stored))

    def get_is_undoable(self, found: Import) -> bool:
        return is_undoable(found)

    def get_has_faults(self, found: Import) -> bool:
        return has_faults(found)

    def _member(self, found: Import, name: str) -> str:
        record = get_record(found.record)
        field = record.field(name)
        return member_of(record, field) if field else ""


def import_data(reader: Principal, found: Import) -> Any:
    """Return what the API says of an import to a reader."""
    return ImportSerializer(found, context={"reader": reader}).data


def _report(stored: Mapping[str, Any]) -> dict[str, Any] | None:
    if not stored:
        return None
    examples = [
        {
            "kind": kind,
            "number": each["number"],
            "title": each.get("title", ""),
            "cells": each.get("cells", []),
            "changes": [
                dict(zip(("field", "before", "after"), change, strict=True))
                for change in each.get("changes", ())
            ],
            "faults": [
                {"field": heading, "reason": reason} for heading, reason in each.get("errors", ())
            ],
        }
        for kind in _KINDS
        for each in stored["examples"].get(kind, ())
    ]
    return {**{kind: stored[kind] for kind in _KINDS}, "examples": examples}

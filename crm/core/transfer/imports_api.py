"""Imports over HTTP: upload a file, map its columns, read the preview, import, undo."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import reverse
from django.utils.functional import lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api import (
    Body,
    ListQuery,
    RecordQuery,
    ordering_field,
    page_of,
    page_response,
    record_response,
    refuses,
)
from crm.core.api.idempotency import idempotent
from crm.core.errors import InvalidField
from crm.core.fields import MomentField
from crm.core.jobs.api import FILE_RESPONSE, AnyType, JobView, file_response
from crm.core.jobs.services import cancel_job
from crm.core.records import get_record, records
from crm.core.transfer.errors import ImportNotReady
from crm.core.transfer.import_jobs import may_import
from crm.core.transfer.importing import (
    MAX_PASTED,
    SMALLEST_PART,
    UPLOADED_AT_ONCE,
    add_content,
    check_import,
    discard_import,
    fetch_faults,
    read_again,
    run_import,
    start_import,
    start_pasted,
    undo_import,
    visible_import,
)
from crm.core.transfer.imports_serializers import ImportSerializer, field_names, import_data
from crm.core.transfer.models import Import, ImportMode, ImportState
from crm.core.transfer.tables import DELIMITERS, ENCODINGS, MAX_BYTES, MAX_COLUMNS

_STEP = {202: ImportSerializer}


def _slugs() -> list[str]:
    return sorted(each.slug for each in records() if each.import_keys)


class ImportListQuery(ListQuery):
    name = "imports"
    lookups = {"record": "record", "state": "state"}

    ordering = ordering_field("-created_at", "created_at")
    record = serializers.ChoiceField(choices=lazy(_slugs, list)(), required=False)
    state = serializers.ChoiceField(choices=ImportState.choices, required=False)


class ImportSummarySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    record = serializers.CharField()
    file_name = serializers.CharField()
    state = serializers.ChoiceField(choices=ImportState.choices)
    created_at = MomentField()


class ImportBody(Body):
    """A whole file, or the name and the size of one whose parts follow, or a text."""

    record = serializers.ChoiceField(choices=lazy(_slugs, list)(), help_text="Into which list.")
    file = serializers.FileField(
        required=False,
        allow_empty_file=True,
        help_text=f"CSV or XLSX, of up to {UPLOADED_AT_ONCE} bytes.",
    )
    text = serializers.CharField(
        max_length=MAX_PASTED,
        trim_whitespace=False,
        required=False,
        help_text="Rows instead of a file, in each form that can be pasted on the import's page.",
    )
    file_name = serializers.CharField(
        max_length=255, required=False, help_text="Of a larger file, whose parts follow."
    )
    size = serializers.IntegerField(
        min_value=0, max_value=10**12, required=False, help_text=f"Its bytes, up to {MAX_BYTES}."
    )


class ImportPartBody(Body):
    number = serializers.IntegerField(min_value=0, max_value=10_000, help_text="The first is 0.")
    part = serializers.FileField(
        help_text=f"Up to {UPLOADED_AT_ONCE} bytes; at least {SMALLEST_PART}, but the last one."
    )


class ImportSeenBody(Body):
    job = serializers.UUIDField(
        required=False,
        help_text="The `job` of the answer that you decided by: refused where another one came.",
    )


class ImportReadBody(ImportSeenBody):
    encoding = serializers.ChoiceField(
        choices=list(ENCODINGS.items()), required=False, help_text="Recognized unless told."
    )
    delimiter = serializers.ChoiceField(
        choices=list(DELIMITERS.items()), required=False, help_text="Recognized unless told."
    )


class ImportCheckBody(ImportSeenBody):
    mapping = serializers.ListField(
        child=serializers.CharField(max_length=60, allow_blank=True),
        max_length=MAX_COLUMNS,
        required=False,
        help_text='One of `target_fields` for each column, "" for none; as guessed unless told.',
    )
    mode = serializers.ChoiceField(choices=ImportMode.choices, default=ImportMode.BOTH)
    key = serializers.CharField(
        max_length=60,
        required=False,
        allow_blank=True,
        help_text="By which of `target_fields` entries are recognized: one that `is_key`.",
    )


@extend_schema(tags=["imports"])
class Imports(JobView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="imports_list",
        parameters=[ImportListQuery],
        responses=page_of(ImportSummarySerializer),
    )
    def get(self, request: Request) -> Response:
        """List your imports; those of the whole organization if you manage it."""
        query = ImportListQuery.read(request)
        slugs = [each.slug for each in records() if may_import(self.principal, each)]
        visible = Import.objects.visible_to(self.principal).for_lists()
        return page_response(
            request,
            query,
            query.page(visible.filter(record__in=slugs)),
            lambda rows: ImportSummarySerializer(rows, many=True).data,
            ImportSummarySerializer,
        )

    @extend_schema(
        operation_id="imports_create",
        request={"multipart/form-data": ImportBody},
        responses={201: ImportSerializer},
    )
    @idempotent
    @refuses(404, 409)
    def post(self, request: Request) -> Response:
        """Begin to import a file; nothing but the file is stored.

        Send a small file as `file` or its rows as `text`, of a larger one its `file_name` and
        `size`, and then its parts.
        It needs the permission to change all of the list, and a person: no API key imports.
        When all has arrived, the file is read: ask for the import until its state is `mapping`.
        """
        given = ImportBody.read(request)
        record, file, by = get_record(given["record"]), given.get("file"), self.principal
        others = [name for name in ("file", "file_name", "size") if name in given]
        if "text" in given and others:
            # One of them would be lost.
            raise InvalidField(extra={"field": others[0]})
        if "text" in given:
            found = start_pasted(by=by, record=record, text=given["text"])
        elif file is None:
            for name in ("file_name", "size"):
                if name not in given:
                    raise InvalidField(extra={"field": name})
            found = start_import(
                by=by, record=record, file_name=given["file_name"], size=given["size"]
            )
        else:
            found = start_import(by=by, record=record, file_name=file.name, size=file.size)
            found = add_content(by=by, import_id=found.pk, number=0, content=file.read())
        location = reverse("transfer:api_import", args=[found.pk])
        data = import_data(self.principal, found)
        return Response(data, status=201, headers={"Location": location})


@extend_schema(tags=["imports"])
class ImportDetail(JobView):
    @extend_schema(operation_id="imports_get", parameters=[RecordQuery], responses=ImportSerializer)
    def get(self, request: Request, import_id: UUID) -> Response:
        """Return an import: its columns, mapping and preview; when it has ended, its report."""
        found = visible_import(self.principal, import_id)
        return record_response(request, import_data(self.principal, found))

    @extend_schema(operation_id="imports_discard", request=None, responses={204: None})
    @refuses(409)
    def delete(self, request: Request, import_id: UUID) -> Response:
        """Discard an import of which nothing is stored, with its file."""
        found = visible_import(self.principal, import_id)
        discard_import(by=self.principal, import_id=import_id, seen=found.job_id)
        return Response(status=204)


@extend_schema(tags=["imports"])
class ImportParts(JobView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="imports_add_part",
        request={"multipart/form-data": ImportPartBody},
        responses=ImportSerializer,
    )
    @refuses(409)
    def post(self, request: Request, import_id: UUID) -> Response:
        """Send the next part of the file; safe to repeat. After the last one it is read."""
        given = ImportPartBody.read(request)
        found = add_content(
            by=self.principal,
            import_id=import_id,
            number=given["number"],
            content=given["part"].read(),
        )
        return Response(import_data(self.principal, found))


class _ImportStep(JobView):
    def began(self, act: Callable[..., Import], import_id: UUID, **how: Any) -> Response:
        """Do what starts a job; return 202 with the import, and the job's address."""
        found = act(by=self.principal, import_id=import_id, **how)
        location = reverse("jobs:api_job", args=[found.job_id])
        data = import_data(self.principal, found)
        return Response(data, status=202, headers={"Location": location})

    def seen(self, import_id: UUID, given: Mapping[str, Any]) -> UUID | None:
        found: UUID | None = given.get("job") or visible_import(self.principal, import_id).job_id
        return found


@extend_schema(tags=["imports"])
class ImportReading(_ImportStep):
    @extend_schema(operation_id="imports_read", request=ImportReadBody, responses=_STEP)
    @refuses(409)
    def post(self, request: Request, import_id: UUID) -> Response:
        """Read the file again, in another encoding or with another delimiter."""
        given = ImportReadBody.read(request)
        return self.began(
            read_again,
            import_id,
            seen=self.seen(import_id, given),
            encoding=given.get("encoding", ""),
            delimiter=given.get("delimiter", ""),
        )


@extend_schema(tags=["imports"])
class ImportChecking(_ImportStep):
    @extend_schema(operation_id="imports_check", request=ImportCheckBody, responses=_STEP)
    @refuses(409)
    def post(self, request: Request, import_id: UUID) -> Response:
        """Preview what will become of each row; nothing is stored.

        Ask for the import until its state is `checked`: `preview` has the numbers, the first rows
        of each kind, and the faults.
        """
        given = ImportCheckBody.read(request)
        found = visible_import(self.principal, import_id)
        names = field_names(get_record(found.record))
        mapping = found.mapping
        if "mapping" in given:
            # What is no field's name is refused by the service.
            mapping = [names.get(each, each) for each in given["mapping"]]
        key = given.get("key", "")
        return self.began(
            check_import,
            import_id,
            seen=given.get("job") or found.job_id,
            mapping=mapping,
            mode=ImportMode(given["mode"]),
            key=names.get(key, key),
        )


@extend_schema(tags=["imports"])
class ImportRun(_ImportStep):
    @extend_schema(operation_id="imports_run", request=ImportSeenBody, responses=_STEP)
    @idempotent
    @refuses(409)
    def post(self, request: Request, import_id: UUID) -> Response:
        """Import the rows, as the preview told."""
        given = ImportSeenBody.read(request)
        return self.began(run_import, import_id, seen=self.seen(import_id, given))


@extend_schema(tags=["imports"])
class ImportUndo(_ImportStep):
    @extend_schema(operation_id="imports_undo", request=ImportSeenBody, responses=_STEP)
    @idempotent
    @refuses(409)
    def post(self, request: Request, import_id: UUID) -> Response:
        """Undo an import, for 30 days; what somebody changed or used since stays.

        `undo_report` has the numbers: `removed`, `restored`, restored `partly`, and of what was
        left `changed`, `used`, `gone` and `refused`.
        """
        given = ImportSeenBody.read(request)
        return self.began(undo_import, import_id, seen=self.seen(import_id, given))


@extend_schema(tags=["imports"])
class ImportCancellation(JobView):
    @extend_schema(operation_id="imports_cancel", request=None, responses=ImportSerializer)
    @refuses(409)
    def post(self, request: Request, import_id: UUID) -> Response:
        """Cancel what is under way; what was imported until then stays. Safe to repeat."""
        found = visible_import(self.principal, import_id)
        if found.job_id is None:
            raise ImportNotReady
        cancel_job(by=self.principal, job_id=found.job_id)
        return Response(import_data(self.principal, visible_import(self.principal, import_id)))


@extend_schema(tags=["imports"])
class ImportFaults(JobView):
    content_negotiation_class = AnyType

    @extend_schema(operation_id="imports_get_faults", responses=FILE_RESPONSE)
    @refuses(409)
    def get(self, request: Request, import_id: UUID) -> HttpResponseBase:
        """Download the faulty rows with their reasons as CSV; the audit tells who did."""
        by = self.principal
        return file_response(by, partial(fetch_faults, by=by, import_id=import_id))

"""Exports over HTTP: a program asks for a list as a file, follows the job, and fetches the file."""

from django.utils.functional import lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.core.api import Body, example, refuses
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import IsMember
from crm.core.jobs.api import JobSerializer, job_response
from crm.core.permissions import READ, Level, require
from crm.core.permissions.requests import principal_of
from crm.core.records import get_record, parse_text, records
from crm.core.records.conditions import MAX_LENGTH
from crm.core.records.lists import NO_FILTER, exact_state
from crm.core.records.serializers import columns_of
from crm.core.text.folding import MAX_SEARCH_LENGTH
from crm.core.transfer.exporting import start_export
from crm.core.transfer.formats import Format


def _slugs() -> list[str]:
    return sorted(each.slug for each in records())


class ExportBody(Body):
    record = serializers.ChoiceField(choices=lazy(_slugs, list)(), help_text="Which list.")
    format = serializers.ChoiceField(choices=Format.choices, default=Format.JSONL)
    where = serializers.CharField(
        max_length=MAX_LENGTH, required=False, help_text="A filter as JSON, like that of lists."
    )
    search = serializers.CharField(max_length=MAX_SEARCH_LENGTH, required=False)
    ordering = serializers.CharField(max_length=60, required=False)
    columns = serializers.ListField(
        child=serializers.CharField(max_length=60),
        max_length=100,
        required=False,
        help_text="Members of the API, in this order, after the one that names the row; "
        "all of them unless named.",
    )


class Exports(APIView):
    permission_classes = [IsMember]

    @extend_schema(
        operation_id="exports_create",
        tags=["jobs"],
        request=ExportBody,
        responses={202: JobSerializer},
        examples=example({"record": "customers", "format": "jsonl"}),
    )
    @idempotent
    @refuses(402, 409)
    def post(self, request: Request) -> Response:
        """Export a list as a file, in the background.

        It needs the permission to read all of the list. Ask for the job until its state is `done`,
        then fetch its file `result`.
        """
        by = principal_of(request)
        given = ExportBody.read(request)
        record = get_record(given["record"])
        require(by, record.area, READ, Level.ALL)
        where = parse_text(record, given["where"]) if "where" in given else NO_FILTER
        state = exact_state(
            record,
            {
                "where": where.as_json(),
                "search": given.get("search", ""),
                "sort": given.get("ordering", ""),
                "columns": columns_of(record, given["columns"])
                if given.get("columns")
                else [field.name for field in record.fields],
            },
        )
        job = start_export(
            by=by, state=state, form=Format(given["format"]), has_bom=False, all_columns=False
        )
        return job_response(by, job)

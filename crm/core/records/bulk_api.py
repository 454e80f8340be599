"""Bulk actions over HTTP: rows by id at once, all that a filter finds by a job; and their undo."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api import Body, refuses
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import ModuleView
from crm.core.errors import InvalidField
from crm.core.fields import MomentField
from crm.core.ids import last_uuid7_of
from crm.core.jobs.api import job_response
from crm.core.records.bulk import MAX_ROWS, ChosenRow, checked, run_bulk
from crm.core.records.bulk_jobs import MAX_ROWS as MAX_ROWS_OF_JOB
from crm.core.records.bulk_jobs import count_for_job, start_bulk
from crm.core.records.conditions import MAX_LENGTH, parse_text
from crm.core.records.lists import NO_FILTER, ListState
from crm.core.records.record import BulkAction, Record
from crm.core.text.folding import MAX_SEARCH_LENGTH

# Members that say which rows, other than by their ids.
_OF_A_LIST = ("where", "search", "asked_at")


class LeftOutSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="pk")
    code = serializers.CharField(source="error.code")
    detail = serializers.CharField(source="error.message")


class BulkResultSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    same = serializers.IntegerField(help_text="Records that were so already.")
    left_out = LeftOutSerializer(many=True)
    undo_id = serializers.UUIDField(
        source="action_id",
        allow_null=True,
        help_text="What `POST /api/v1/undo/{id}` undoes for an hour; null: nothing was done.",
    )


class BulkBody(Body):
    """A subclass has ``action``, and a member for each field whose value an action stores."""

    ids = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=MAX_ROWS,
        required=False,
        help_text="The records, changed at once.",
    )
    where = serializers.CharField(
        max_length=MAX_LENGTH,
        required=False,
        help_text=(
            f"A filter as JSON, like that of lists: all records that match, at most "
            f'{MAX_ROWS_OF_JOB}, are changed by a background task. `{{"all": []}}` matches all.'
        ),
    )
    search = serializers.CharField(
        max_length=MAX_SEARCH_LENGTH,
        required=False,
        help_text="Words that they have, like that of lists; with or without `where`.",
    )
    asked_at = MomentField(
        required=False,
        help_text=(
            "With `where` or `search`: records that were added or changed since this moment, at "
            "which you looked at them, are left out. The moment of the request unless told."
        ),
    )


class RecordBulk(ModuleView):
    record: ClassVar[Record]
    bulk_body: ClassVar[type[BulkBody]]

    @idempotent
    @refuses(402, 404, 409)
    def post(self, request: Request) -> Response:
        given = self.bulk_body.read(request)
        action = self.record.bulk_action(given["action"])
        values = self._values(action, given)
        of_a_list = [name for name in _OF_A_LIST if name in given]
        if "ids" in given and of_a_list:
            raise InvalidField(
                gettext("Send ids or where, not both."), extra={"field": of_a_list[0]}
            )
        if "where" in given or "search" in given:
            return self._start(action, values, given)
        result = run_bulk(
            by=self.principal,
            record=self.record,
            action=action,
            chosen=checked([ChosenRow(pk) for pk in given.get("ids", ())]),
            values=values,
            is_exclusive=True,
        )
        return Response(BulkResultSerializer(result).data)

    def _start(
        self, action: BulkAction, values: Mapping[str, Any], given: Mapping[str, Any]
    ) -> Response:
        where = parse_text(self.record, given["where"]) if "where" in given else NO_FILTER
        state = ListState(self.record, where=where, search=given.get("search", ""))
        count_for_job(state, self.principal)
        asked = last_uuid7_of(given["asked_at"]) if "asked_at" in given else None
        job = start_bulk(by=self.principal, state=state, action=action, values=values, asked=asked)
        return job_response(self.principal, job)

    def _values(self, action: BulkAction, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that the action stores. Raise InvalidField."""
        others = {each.field for each in self.record.bulk_actions if each.field} - {action.field}
        if unused := sorted(others & given.keys()):
            raise InvalidField(
                gettext("This action stores no such value."), extra={"field": unused[0]}
            )
        if not action.field:
            return dict(action.values)
        if action.field not in given:
            raise InvalidField(extra={"field": action.field})
        return {action.field: given[action.field]}


def chosen_members(record: Record, body: type[Body]) -> dict[str, Any]:
    """Return the members of a body whose values actions store, none of them required."""
    columns = {each.field for each in record.bulk if each.field}
    declared: Mapping[str, Any] = body().get_fields()
    return {
        name: type(member)(**{**member._kwargs, "required": False})
        for name, member in declared.items()
        if (member.source or name) in columns
    }

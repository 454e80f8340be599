"""The audit over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.compliance.filters import object_key
from crm.compliance.models import ActorKind, AuditEntry, AuditValues
from crm.core.api import ListQuery, ordering_field, page_of, page_response
from crm.core.api.module_view import ModuleView
from crm.core.fields import MomentField
from crm.core.permissions import WRITE, Module, require


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    details = serializers.JSONField(
        help_text="`changes`: before and after by column; `fields`: columns told in `values`."
    )
    values = serializers.SerializerMethodField(
        help_text="Before and after by column, of what can be erased; null where nothing is left."
    )
    address = serializers.SerializerMethodField(
        help_text="Where the actor came from; null where that is unknown or erased."
    )
    hash = serializers.SerializerMethodField(help_text="The link's own hash, in hexadecimals.")

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "seq",
            "at",
            "actor_kind",
            "actor_id",
            "action",
            "object_type",
            "object_id",
            "details",
            "values",
            "address",
            "correlation_id",
            "hash",
        ]
        read_only_fields = fields

    @extend_schema_field(
        {
            "type": ["object", "null"],
            "additionalProperties": {
                "type": "array",
                "minItems": 2,
                "maxItems": 2,
                "items": {
                    "anyOf": [
                        {"type": "string"},
                        {"type": "number"},
                        {"type": "boolean"},
                        {"type": "array", "items": {}},
                        {"type": "object", "additionalProperties": True},
                        {"type": "null"},
                    ]
                },
            },
        }
    )
    def get_values(self, entry: AuditEntry) -> dict[str, Any] | None:
        beside = self.context["beside"].get((entry.organization_id, entry.at))
        return beside.data if beside else None

    def get_address(self, entry: AuditEntry) -> str | None:
        beside = self.context["beside"].get((entry.organization_id, entry.at))
        return beside.address if beside else None

    def get_hash(self, entry: AuditEntry) -> str:
        return bytes(entry.hash).hex()


class AuditListQuery(ListQuery):
    name = "audit"
    lookups = {
        "actor_id": "actor_id",
        "actor_kind": "actor_kind",
        "action": "action",
        "object_type": "object_type",
        "object_id": "object_id",
        "correlation_id": "correlation_id",
        "at__gte": "at__gte",
        "at__lt": "at__lt",
    }

    ordering = ordering_field("-at", "at")
    actor_id = serializers.CharField(max_length=64, required=False)
    actor_kind = serializers.ChoiceField(choices=ActorKind.choices, required=False)
    action = serializers.CharField(max_length=60, required=False)
    object_type = serializers.CharField(max_length=40, required=False)
    object_id = serializers.CharField(max_length=64, required=False)
    correlation_id = serializers.CharField(max_length=64, required=False)
    at__gte = MomentField(required=False)
    at__lt = MomentField(required=False)

    def validate_object_id(self, given: str) -> str:
        return object_key(given)


@extend_schema(tags=["organization"])
class AuditEntries(ModuleView):
    area = Module.SETTINGS

    @extend_schema(
        operation_id="audit_list",
        parameters=[AuditListQuery],
        responses=page_of(AuditEntrySerializer),
    )
    def get(self, request: Request) -> Response:
        """List the organization's audit entries; requires write permission on settings."""
        require(self.principal, Module.SETTINGS, WRITE)
        page = (query := AuditListQuery.read(request)).page(
            AuditEntry.objects.visible_to(self.principal)
        )
        return page_response(request, query, page, _records, AuditEntrySerializer)


def _records(entries: list[AuditEntry]) -> list[dict[str, Any]]:
    context = {"beside": AuditValues.objects.personal(entries)}
    return list(AuditEntrySerializer(entries, many=True, context=context).data)

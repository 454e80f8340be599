"""API keys over HTTP, as on the settings page."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.authentication.models import ApiKey
from crm.authentication.services.api_keys import (
    NewSecret,
    create_api_key,
    revoke_api_key,
    rotate_api_key,
)
from crm.core.api import (
    Body,
    ListQuery,
    example,
    list_response,
    ordering_field,
    page_of,
    refuses,
)
from crm.core.api.module_view import ModuleView
from crm.core.fields import MomentField
from crm.core.permissions import SCOPES, Module

_PRIVATE = {"Cache-Control": "no-store"}


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    scopes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ApiKey
        fields = ["id", "name", "scopes", "created_at", "expires_at", "revoked_at"]
        read_only_fields = fields


class NewApiKeySerializer(ApiKeySerializer):
    key = serializers.CharField(help_text="Shown this once: keep it in a safe place.")

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "key"]
        read_only_fields = fields


class ApiKeyBody(Body):
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES), min_length=1, max_length=len(SCOPES)
    )
    expires_at = MomentField(required=False, allow_null=True, default=None)

    def validate_expires_at(self, moment: Any) -> Any:
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError(_("Choose a time in the future."))
        return moment


class ApiKeyListQuery(ListQuery):
    name = "api_keys"

    # The id grows with time.
    ordering = ordering_field("-id", "id")


@extend_schema(tags=["access"])
class ApiKeys(ModuleView):
    area = Module.SETTINGS

    @extend_schema(
        operation_id="api_keys_list",
        parameters=[ApiKeyListQuery],
        responses=page_of(ApiKeySerializer),
    )
    def get(self, request: Request) -> Response:
        """List the organization's keys, without secrets; includes expired and revoked ones."""
        return list_response(
            request,
            ApiKeyListQuery,
            ApiKey.objects.of(self.principal.organization_id),
            ApiKeySerializer,
        )

    @extend_schema(
        operation_id="api_keys_create",
        request=ApiKeyBody,
        responses={201: NewApiKeySerializer},
        examples=example({"name": "Web shop", "scopes": ["customers:write", "inbox:read"]}),
    )
    @refuses(409)
    def post(self, request: Request) -> Response:
        """Create a key with no more permissions than you have; its text is shown only here."""
        made = create_api_key(by=self.principal, **ApiKeyBody.read(request))
        return Response(_shown(made), status=201, headers=_PRIVATE)


@extend_schema(tags=["access"])
class ApiKeyDetail(ModuleView):
    area = Module.SETTINGS

    @extend_schema(operation_id="api_keys_revoke", request=None, responses={204: None})
    def delete(self, request: Request, key_id: UUID) -> Response:
        """Revoke a key at once. Safe to repeat."""
        revoke_api_key(by=self.principal, key_id=key_id)
        return Response(status=204)


@extend_schema(tags=["access"])
class ApiKeyRotation(ModuleView):
    area = Module.SETTINGS

    @extend_schema(
        operation_id="api_keys_rotate", request=None, responses={201: NewApiKeySerializer}
    )
    @refuses(409)
    def post(self, request: Request, key_id: UUID) -> Response:
        """Add a second secret to a key; the first stays valid until you revoke it."""
        made = rotate_api_key(by=self.principal, key_id=key_id)
        return Response(_shown(made), status=201, headers=_PRIVATE)


def _shown(made: NewSecret) -> dict[str, Any]:
    return {**ApiKeySerializer(made.key).data, "key": made.text}

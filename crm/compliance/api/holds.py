"""Legal holds over HTTP."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.compliance.managers import LegalHoldQuerySet
from crm.compliance.models import LegalHold
from crm.compliance.services.legal_holds import SUBJECT, lift_hold, place_hold
from crm.core.api import (
    Body,
    ListQuery,
    example,
    list_response,
    ordering_field,
    page_of,
    prose_field,
)
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import ModuleView
from crm.core.permissions import WRITE, Module, require


class LegalHoldSerializer(serializers.ModelSerializer[LegalHold]):
    subject = serializers.CharField(
        help_text="`customer:<id>`, `user:<id>`, or empty for the whole organization."
    )
    placed_by = serializers.UUIDField(source="placed_by_id", allow_null=True)
    lifted_by = serializers.UUIDField(source="lifted_by_id", allow_null=True)

    class Meta:
        model = LegalHold
        fields = [
            "id",
            "subject",
            "reason",
            "placed_at",
            "placed_by",
            "lifted_at",
            "lifted_by",
            "lift_reason",
        ]
        read_only_fields = fields


class LegalHoldBody(Body):
    subject = serializers.RegexField(
        rf"^({SUBJECT.pattern})?\Z",
        max_length=100,
        allow_blank=True,
        required=False,
        default="",
        help_text="`customer:<id>`, `user:<id>`, or empty for the whole organization.",
    )
    reason = prose_field(max_length=500)


class LiftBody(Body):
    reason = prose_field(max_length=500)


class LegalHoldListQuery(ListQuery):
    name = "legal_holds"
    lookups = {"subject": "subject"}

    # The id grows with time.
    ordering = ordering_field("-id", "id")
    subject = serializers.CharField(max_length=100, required=False)
    is_active = serializers.BooleanField(required=False)

    def filter_is_active(self, queryset: LegalHoldQuerySet, wanted: bool) -> LegalHoldQuerySet:  # noqa: FBT001  called by name
        return queryset.active() if wanted else queryset.lifted()


@extend_schema(tags=["organization"])
class LegalHolds(ModuleView):
    area = Module.SETTINGS

    @extend_schema(
        operation_id="legal_holds_list",
        parameters=[LegalHoldListQuery],
        responses=page_of(LegalHoldSerializer),
    )
    def get(self, request: Request) -> Response:
        """List active and lifted legal holds; requires write permission on settings."""
        require(self.principal, Module.SETTINGS, WRITE)
        return list_response(
            request,
            LegalHoldListQuery,
            LegalHold.objects.visible_to(self.principal),
            LegalHoldSerializer,
        )

    @extend_schema(
        operation_id="legal_holds_create",
        request=LegalHoldBody,
        responses={201: LegalHoldSerializer},
        examples=example({"reason": "Case 2026-17, decided by the legal department."}),
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Place a legal hold on a subject, or on the whole organization."""
        body = LegalHoldBody.read(request)
        hold = place_hold(by=self.principal, **body)
        return Response(LegalHoldSerializer(hold).data, status=201)


@extend_schema(tags=["organization"])
class LegalHoldLift(ModuleView):
    area = Module.SETTINGS

    @extend_schema(
        operation_id="legal_holds_lift",
        request=LiftBody,
        responses=LegalHoldSerializer,
        examples=example({"reason": "The case is closed."}),
    )
    def post(self, request: Request, hold_id: UUID) -> Response:
        """Lift a hold; others on the same subject stay."""
        hold = lift_hold(hold_id=hold_id, by=self.principal, **LiftBody.read(request))
        return Response(LegalHoldSerializer(hold).data)

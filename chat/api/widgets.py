"""Widgets over HTTP, as on the settings pages."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chat.domains import MAX_DOMAINS
from chat.errors import WidgetNotFound
from chat.models import Widget
from chat.services.widgets import (
    create_widget,
    pause_widget,
    resume_widget,
    update_widget,
)
from chat.widget_texts import LONGEST_TEXT
from crm.core.api import (
    Body,
    ListQuery,
    RecordQuery,
    created_response,
    etag_headers,
    example,
    expected_version,
    list_response,
    ordering_field,
    page_of,
    prose_field,
    record_response,
    refuses,
)
from crm.core.api.idempotency import idempotent
from crm.core.api.module_view import ModuleView
from crm.core.permissions import Module

_TEXTS_HELP = (
    "By language (`en`, `vi`, `ru`): `title`, `greeting`, `placeholder`, `offline`, `bot_name` and "
    "`suggestions` (one a line). What is missing has the widget's own wording."
)


class WidgetSerializer(serializers.ModelSerializer[Widget]):
    allowed_domains = serializers.ListField(child=serializers.CharField())
    texts = serializers.DictField(child=serializers.DictField(child=serializers.CharField()))

    class Meta:
        model = Widget
        fields = [
            "id",
            "name",
            "site_key",
            "allowed_domains",
            "color",
            "position",
            "texts",
            "bot_enabled",
            "paused_at",
            "last_seen_at",
            "last_seen_origin",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class WidgetBody(Body):
    name = serializers.CharField(max_length=100)
    allowed_domains = serializers.ListField(
        child=serializers.CharField(max_length=2000),
        max_length=MAX_DOMAINS,
        required=False,
        help_text="`shop.example`, `*.shop.example`; pasted addresses are brought to this form.",
    )
    color = serializers.RegexField(r"^#[0-9A-Fa-f]{6}$", max_length=7, required=False)
    position = serializers.ChoiceField(choices=["left", "right"], required=False)
    texts = serializers.DictField(
        child=serializers.DictField(child=prose_field(allow_blank=True, max_length=LONGEST_TEXT)),
        required=False,
        help_text=_TEXTS_HELP,
    )
    bot_enabled = serializers.BooleanField(required=False)


class WidgetListQuery(ListQuery):
    name = "widgets"

    # The id grows with time.
    ordering = ordering_field("-id", "id")


class WidgetView(ModuleView):
    area = Module.SETTINGS

    def answer(self, widget: Widget) -> Any:
        return WidgetSerializer(widget).data


@extend_schema(tags=["widgets"])
class Widgets(WidgetView):
    @extend_schema(
        operation_id="widgets_list",
        parameters=[WidgetListQuery],
        responses=page_of(WidgetSerializer),
    )
    def get(self, request: Request) -> Response:
        """List the organization's widgets."""
        return list_response(
            request,
            WidgetListQuery,
            Widget.objects.filter(organization_id=self.principal.organization_id),
            WidgetSerializer,
        )

    @extend_schema(
        operation_id="widgets_create",
        request=WidgetBody,
        responses={201: WidgetSerializer},
        examples=example({"name": "Web shop", "allowed_domains": ["shop.example"]}),
    )
    @idempotent
    @refuses(409)
    def post(self, request: Request) -> Response:
        """Add a widget. Its ``site_key`` goes into the snippet of the site."""
        widget = create_widget(by=self.principal, values=WidgetBody.read(request))
        location = reverse("chat:api_widget", args=[widget.pk])
        return created_response(self.answer(widget), of=widget, location=location)


@extend_schema(tags=["widgets"])
class WidgetDetail(WidgetView):
    is_versioned = True

    @extend_schema(operation_id="widgets_get", parameters=[RecordQuery], responses=WidgetSerializer)
    def get(self, request: Request, widget_id: UUID) -> Response:
        """Return one widget."""
        widget = Widget.objects.filter(
            organization_id=self.principal.organization_id, pk=widget_id
        ).first()
        if widget is None:
            raise WidgetNotFound
        return record_response(request, self.answer(widget), of=widget)

    @extend_schema(
        operation_id="widgets_update",
        request=WidgetBody,
        responses=WidgetSerializer,
        examples=example({"color": "#1f6f5c", "texts": {"vi": {"title": "Cửa hàng"}}}),
    )
    def patch(self, request: Request, widget_id: UUID) -> Response:
        """Change the members that are sent; ``allowed_domains`` and ``texts`` as a whole."""
        widget = update_widget(
            by=self.principal,
            widget_id=widget_id,
            values=WidgetBody.read(request, partial=True),
            version=expected_version(request),
        )
        return Response(self.answer(widget), headers=etag_headers(widget))


@extend_schema(tags=["widgets"])
class WidgetPause(WidgetView):
    @extend_schema(operation_id="widgets_pause", request=None, responses=WidgetSerializer)
    def post(self, request: Request, widget_id: UUID) -> Response:
        """Pause the widget; its visitors are disconnected."""
        return Response(self.answer(pause_widget(by=self.principal, widget_id=widget_id)))


@extend_schema(tags=["widgets"])
class WidgetResume(WidgetView):
    @extend_schema(operation_id="widgets_resume", request=None, responses=WidgetSerializer)
    def post(self, request: Request, widget_id: UUID) -> Response:
        """Resume a paused widget."""
        return Response(self.answer(resume_widget(by=self.principal, widget_id=widget_id)))

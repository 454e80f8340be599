"""Notifications over HTTP: the caller's own."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.core.api import (
    Body,
    ListQuery,
    etag_headers,
    example,
    expected_version,
    ordering_field,
    page_of,
    page_response,
    refuses,
)
from crm.core.api.module_view import IsMember
from crm.core.errors import InvalidField
from crm.core.fields import MomentField
from crm.core.notifications.kinds import Shown, notification_kinds, present
from crm.core.notifications.models import Notification, NotificationSettings
from crm.core.notifications.services import (
    change_notification_settings,
    is_chosen,
    mark_read,
    notification_settings,
    unread_count,
)
from crm.core.permissions import Principal
from crm.core.permissions.errors import PersonRequired
from crm.core.permissions.requests import principal_of

MAX_IDS = 100


class NotificationSerializer(serializers.Serializer[Shown]):
    id = serializers.UUIDField(source="notification.id")
    kind = serializers.CharField(source="notification.kind")
    text = serializers.CharField(help_text="What happened, in words.")
    quote = serializers.CharField(help_text="Words of what it is about, e.g. of a note.")
    url = serializers.CharField(help_text="The path of its page; empty if you may not see it.")
    subject = serializers.CharField(source="notification.subject")
    subject_id = serializers.UUIDField(source="notification.subject_id")
    created_at = MomentField(source="notification.created_at")
    read_at = MomentField(source="notification.read_at", allow_null=True)


class NotificationListQuery(ListQuery):
    name = "notifications"

    ordering = ordering_field("-created_at", "created_at")
    unread = serializers.BooleanField(required=False, help_text="`true`: only unread ones.")

    def filter_unread(self, queryset: Any, value: bool) -> Any:  # noqa: FBT001  a parameter's value
        return queryset.unread() if value else queryset.filter(read_at__isnull=False)


class ReadBody(Body):
    ids = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=MAX_IDS,
        required=False,
        help_text="The notifications; without it, all of them.",
    )


class ReadSerializer(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="How many were unread.")
    unread = serializers.IntegerField(help_text="How many are left, at most 100.")


class KindSettingsSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the name of a member
    is_shown = serializers.BooleanField()
    is_emailed = serializers.BooleanField()


class SettingsSerializer(serializers.Serializer[Any]):
    kinds = KindSettingsSerializer(many=True)


class SettingsBody(Body):
    shown = serializers.ListField(
        child=serializers.CharField(max_length=40),
        required=False,
        help_text="Kinds; those that are not in it are off. Without it nothing changes.",
    )
    emailed = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="The same, by email."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known = [kind.name for kind in notification_kinds()]
        for name, kinds in attrs.items():
            if not set(kinds) <= set(known):
                raise InvalidField(extra={"field": name, "allowed": known})
        return attrs


class _View(APIView):
    permission_classes = [IsMember]

    @property
    def person(self) -> Principal:
        """Return the principal. Raise PersonRequired for an API key."""
        found = principal_of(self.request)
        if found.user_id is None:
            raise PersonRequired
        return found


@extend_schema(tags=["notifications"])
class Notifications(_View):
    @extend_schema(
        operation_id="notifications_list",
        parameters=[NotificationListQuery],
        responses=page_of(NotificationSerializer),
    )
    def get(self, request: Request) -> Response:
        """List what you were told, the newest first."""
        query = NotificationListQuery.read(request)
        page = query.page(Notification.objects.visible_to(self.person))
        return page_response(request, query, page, self._presented, NotificationSerializer)

    def _presented(self, rows: list[Notification]) -> list[dict[str, Any]]:
        return [dict(NotificationSerializer(each).data) for each in present(self.person, rows)]


@extend_schema(tags=["notifications"])
class ReadNotifications(_View):
    @extend_schema(
        operation_id="notifications_read",
        request=ReadBody,
        responses=ReadSerializer,
        examples=example({"ids": ["01939f6b-2f5e-7a30-b1f6-2f6f0d6a9c11"]}),
    )
    def post(self, request: Request) -> Response:
        """Mark notifications as read; safe to repeat."""
        by = self.person
        read = mark_read(by=by, ids=ReadBody.read(request).get("ids"))
        return Response(ReadSerializer({"read": read, "unread": unread_count(by)}).data)


@extend_schema(tags=["notifications"])
class NotificationSettingsView(_View):
    is_versioned = True

    @extend_schema(operation_id="notifications_settings_get", responses=SettingsSerializer)
    def get(self, request: Request) -> Response:
        """Return which kinds are shown in the application and which are emailed."""
        return _settings_response(notification_settings(self.person))

    @refuses(409)
    @extend_schema(
        operation_id="notifications_settings_update",
        request=SettingsBody,
        responses=SettingsSerializer,
        examples=example({"shown": ["job.failed"], "emailed": []}),
    )
    def patch(self, request: Request) -> Response:
        """Choose which kinds are shown, and which are emailed."""
        chosen = SettingsBody.read(request)
        version = expected_version(request)
        own = change_notification_settings(by=self.person, version=version, **chosen)
        return _settings_response(own)


def _settings_response(own: NotificationSettings) -> Response:
    kinds = []
    for kind in notification_kinds():
        is_shown, is_emailed = is_chosen(kind, own)
        kinds.append(
            {
                "kind": kind.name,
                "label": str(kind.label),
                "is_shown": is_shown,
                "is_emailed": is_emailed,
            }
        )
    return Response(SettingsSerializer({"kinds": kinds}).data, headers=etag_headers(own))

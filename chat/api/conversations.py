"""The list of conversations for programs: every status at once, filtered and in a stable order."""

from typing import Any
from uuid import UUID

from django.db.models import Func
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from chat import inbox
from chat.api.serializers import ConversationSerializer
from chat.managers import ConversationQuerySet
from chat.models import Channel, Conversation, Priority, Status
from crm.core.api import ListQuery, ordering_field, page_of, page_response
from crm.core.api.module_view import ModuleView
from crm.core.fields import MomentField
from crm.core.permissions import Module
from crm.core.text.folding import identity_key
from crm.organizations.access import membership_of

NOBODY = "none"


class ConversationListQuery(ListQuery):
    name = "conversations"
    lookups = {
        "status": "status",
        "priority": "priority",
        "channel": "channel",
        "language": "language_code",
        "customer_id": "customer_id",
        "updated_at__gte": "updated_at__gte",
        "updated_at__lt": "updated_at__lt",
        "created_at__gte": "created_at__gte",
        "created_at__lt": "created_at__lt",
    }

    ordering = ordering_field("-updated_at", "updated_at")
    status = serializers.ChoiceField(choices=Status.choices, required=False)
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    channel = serializers.ChoiceField(choices=Channel.choices, required=False)
    language = serializers.CharField(max_length=10, required=False)
    customer_id = serializers.UUIDField(required=False)
    assignee = serializers.CharField(
        max_length=36, required=False, help_text=f"A user's id, or `{NOBODY}`."
    )
    # Serializers have such an attribute; a declaration does not stay in its place.
    label = serializers.CharField(max_length=50, required=False)  # type: ignore[assignment]
    updated_at__gte = MomentField(required=False)
    updated_at__lt = MomentField(required=False)
    created_at__gte = MomentField(required=False)
    created_at__lt = MomentField(required=False)

    def validate_assignee(self, given: str) -> UUID | None:
        if given == NOBODY:
            return None
        try:
            return UUID(given)
        except ValueError:
            raise serializers.ValidationError(_("Send a user's id, or none.")) from None

    def filter_assignee(
        self, queryset: ConversationQuerySet, assignee: UUID | None
    ) -> ConversationQuerySet:
        return queryset.filter(assignee_id=assignee) if assignee else queryset.unassigned()

    def filter_label(self, queryset: ConversationQuerySet, label: str) -> ConversationQuerySet:
        """Narrow to those with the label, in any spelling that `identity_key` folds to one."""
        used = queryset.order_by().values_list(Func("labels", function="unnest"), flat=True)
        wanted = identity_key(label)
        spellings = [each for each in used.distinct() if identity_key(each) == wanted]
        return queryset.filter(labels__overlap=spellings) if spellings else queryset.none()


class Conversations(ModuleView):
    area = Module.INBOX

    @extend_schema(
        operation_id="conversations_list",
        tags=["conversations"],
        parameters=[ConversationListQuery],
        responses=page_of(ConversationSerializer, name="ConversationPage"),
    )
    def get(self, request: Request) -> Response:
        """List the conversations that you may see, the latest change first."""
        query = ConversationListQuery.read(request)
        membership = membership_of(request)
        found = Conversation.objects.visible_to(membership).select_related(
            "customer", "assignee", "widget__organization"
        )
        page = query.page(found)

        def serialize(conversations: list[Conversation]) -> list[dict[str, Any]]:
            return inbox.rows(membership, conversations)

        return page_response(request, query, page, serialize, ConversationSerializer)

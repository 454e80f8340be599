"""The inbox API: lists, one conversation, and the agents' actions."""

import hashlib
from contextlib import suppress
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import inbox
from chat.api.authentication import AGENT_AUTHENTICATION, agent_of_request
from chat.api.serializers import (
    AgentsSerializer,
    AlertsSerializer,
    ChangedSerializer,
    ConversationDetailSerializer,
    CountsSerializer,
    EventSerializer,
    HistorySerializer,
    InboxPageSerializer,
)
from chat.content import has_controls
from chat.errors import ConversationNotFound, ReadOnly
from chat.events import Audience, event_frame
from chat.models import Conversation, Priority, Status
from chat.participants import PREFIX, Agent
from chat.services import (
    assign,
    close,
    reopen,
    require_state,
    return_to_bot,
    set_labels,
    set_priority,
    snooze,
    take_over,
)
from chat.services.alerts import switch_sound
from crm.core.api import Body, Query, etag_headers, example, expected_version, refuses
from crm.core.api.idempotency import HEADER, idempotent
from crm.core.api.module_view import IsMember
from crm.core.fields import MomentField, WholeNumberField
from crm.core.ids import uuid7
from crm.core.observability import metrics
from crm.core.permissions import WRITE, Module, require
from crm.core.store_errors import outage_refusals
from crm.core.text.folding import MAX_SEARCH_LENGTH
from crm.organizations.access import membership_of
from crm.organizations.models import Membership

MAX_LIMIT = 100
MAX_LABELS = 20


def without_controls(text: str) -> None:
    if has_controls(text) or set(text) & {"\n", "\t"}:
        raise serializers.ValidationError(_("Leave out characters that cannot be shown."))


class PageQuery(Query):
    box = serializers.ChoiceField(choices=[str(box) for box in inbox.InboxFilter], default="all")
    status = serializers.ChoiceField(choices=Status.values, default="open")
    order = serializers.ChoiceField(choices=[str(order) for order in inbox.Order], default="wait")
    search = serializers.CharField(required=False, max_length=MAX_SEARCH_LENGTH)
    cursor = serializers.CharField(required=False, max_length=200)
    limit = WholeNumberField(min_value=1, max_value=MAX_LIMIT, default=inbox.PAGE)


class HistoryQuery(Query):
    before = WholeNumberField(min_value=1, max_value=inbox.END, default=inbox.END)
    limit = WholeNumberField(min_value=1, max_value=MAX_LIMIT, default=inbox.MESSAGES)


class AlertsBody(Body):
    sound = serializers.BooleanField()


class StateBody(Body):
    """A conversation's status, assignee and snooze time."""

    status = serializers.CharField(max_length=20)
    assignee = serializers.UUIDField(allow_null=True)
    snoozed_until = MomentField(allow_null=True)


class ActionBody(Body):
    """With ``expected``, the action is rejected (409) unless the conversation is in that state."""

    expected = StateBody(required=False)


class AssignBody(ActionBody):
    """``assignee`` is a user's id, or null to unassign."""

    assignee = serializers.UUIDField(allow_null=True)


class SnoozeBody(ActionBody):
    until = MomentField()


class ConversationBody(Body):
    """``labels`` replaces the present ones."""

    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    labels = serializers.ListField(
        child=serializers.CharField(max_length=50, validators=[without_controls]),
        max_length=MAX_LABELS,
        required=False,
    )


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": settings.CHAT_MAX_TEXT_LENGTH})
class MessageText(serializers.CharField):
    """Text of a message; `chat.content` checks the length, for all ways in with one code."""


class NewMessageBody(Body):
    """A ``text`` for the customer, or a ``note`` that only the organization's people see."""

    type = serializers.ChoiceField(choices=["text", "note"], default="text")
    text = MessageText(trim_whitespace=False)


class InboxView(APIView):
    permission_classes = [IsMember]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require(self.membership, Module.INBOX)

    @property
    def membership(self) -> Membership:
        return membership_of(self.request)

    def valid(self, form: serializers.BaseSerializer[Any]) -> Any:
        form.is_valid(raise_exception=True)
        return form.validated_data


class Conversations(InboxView):
    """One page of a box; ``next`` is the cursor of the following page.

    Open conversations are ordered by the longest wait or, with ``order=newest``, by the latest
    message; all others by the latest message.

    ``search`` lists the conversations of matching customers instead, in every box and status.
    """

    @extend_schema(
        operation_id="inbox_list",
        tags=["conversations"],
        parameters=[PageQuery],
        responses=InboxPageSerializer,
    )
    def get(self, request: Request) -> Response:
        query = PageQuery.read(request).validated_data
        place = {"cursor": query.get("cursor"), "limit": query["limit"]}
        if "search" in query:
            found = inbox.search(self.membership, query["search"], **place)
        else:
            found = inbox.page(
                self.membership,
                box=inbox.InboxFilter(query["box"]),
                status=Status(query["status"]),
                order=inbox.Order(query["order"]),
                **place,
            )
        return Response(
            {
                "organization": str(self.membership.organization_id),
                "rows": found.rows,
                "next": found.next,
            }
        )


class Counts(InboxView):
    """The number of conversations of each box, up to ``limit``."""

    @extend_schema(operation_id="inbox_counts", tags=["conversations"], responses=CountsSerializer)
    def get(self, request: Request) -> Response:
        counted = inbox.counts(self.membership)
        return Response(
            {
                "limit": inbox.COUNT_LIMIT,
                "counts": counted.boxes,
                "unread": counted.unread,
                "waiting": counted.waiting,
            }
        )


class Agents(InboxView):
    """The possible assignees of a conversation."""

    @extend_schema(operation_id="inbox_agents", tags=["conversations"], responses=AgentsSerializer)
    def get(self, request: Request) -> Response:
        return Response({"agents": inbox.agents(self.membership)})


class Alerts(InboxView):
    """Notification settings of the member in this organization."""

    # A person's own: a program hears nothing.
    authentication_classes = AGENT_AUTHENTICATION

    @extend_schema(
        operation_id="inbox_alerts_update",
        tags=["conversations"],
        request=AlertsBody,
        responses=AlertsSerializer,
        examples=example({"sound": False}),
    )
    def patch(self, request: Request) -> Response:
        """Switch the sound of the inbox on or off."""
        body = AlertsBody.read(request)
        wanted = switch_sound(by=self.membership, sound=body["sound"])
        return Response({"sound": wanted.sound, "desktop": wanted.desktop})


class ConversationDetail(InboxView):
    is_versioned = True

    @extend_schema(
        operation_id="conversations_get",
        tags=["conversations"],
        responses=ConversationDetailSerializer,
    )
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """Return one conversation with its customer and the customer's other conversations."""
        conversation = inbox.find(self.membership, conversation_id)
        return Response(
            inbox.detail(self.membership, conversation), headers=etag_headers(conversation)
        )

    @extend_schema(
        operation_id="conversations_update",
        tags=["conversations"],
        request=ConversationBody,
        responses=ChangedSerializer,
        examples=example({"priority": "high", "labels": ["delivery", "refund"]}),
    )
    def patch(self, request: Request, conversation_id: UUID) -> Response:
        """Change the members that are sent.

        Assigning, snoozing, closing and reopening are separate calls. The `ETag` is that of the
        labels and the priority.
        """
        wanted = ConversationBody.read(request, partial=True)
        if not self.membership.may(Module.INBOX, WRITE):
            raise ReadOnly
        inbox.find(self.membership, conversation_id)
        named: dict[str, Any] = {
            "organization_id": self.membership.organization_id,
            "conversation_id": conversation_id,
            "by": self.membership,
        }
        with transaction.atomic():
            version = expected_version(request)
            if "priority" in wanted:
                priority = Priority(wanted["priority"])
                version = set_priority(priority=priority, version=version, **named).version
            if "labels" in wanted:
                set_labels(labels=wanted["labels"], version=version, **named)
        conversation = inbox.find(self.membership, conversation_id)
        return Response(
            {"conversation": inbox.row(self.membership, conversation)},
            headers=etag_headers(conversation),
        )


class ConversationMessages(InboxView):
    """Events before ``before``, oldest first, in the form of the socket's events."""

    @extend_schema(
        operation_id="messages_list",
        tags=["conversations"],
        parameters=[HistoryQuery],
        responses=HistorySerializer,
    )
    def get(self, request: Request, conversation_id: UUID) -> Response:
        query = HistoryQuery.read(request).validated_data
        conversation = inbox.find(self.membership, conversation_id)
        return Response(
            inbox.history(
                self.membership, conversation, before=query["before"], limit=query["limit"]
            )
        )

    @extend_schema(
        operation_id="messages_create",
        tags=["conversations"],
        request=NewMessageBody,
        responses={201: EventSerializer},
        examples=example({"text": "Good morning! How can I help?"}),
    )
    @idempotent
    @refuses(409)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Post a reply to the customer, or an internal note."""
        body = NewMessageBody.read(request)
        agent = agent_of_request(request)
        with outage_refusals(), metrics.message_accept_seconds.labels(transport="http").time():
            posted = agent.post(
                stream=f"{PREFIX}{conversation_id}",
                client_message_id=_client_message_id(request, agent),
                content=body,
            )
        return Response(event_frame(posted.message, Audience.TEAM), status=201)


class ConversationAction(InboxView):
    """An agent's action; responds with the conversation's updated row."""

    body: ClassVar[type[ActionBody]] = ActionBody

    @refuses(409)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        if not self.membership.may(Module.INBOX, WRITE):
            raise ReadOnly
        inbox.find(self.membership, conversation_id)
        body = self.body.read(request)
        named: dict[str, Any] = {
            "organization_id": self.membership.organization_id,
            "conversation_id": conversation_id,
            "by": self.membership,
        }
        row: dict[str, Any] | None = None
        with transaction.atomic():
            if "expected" in body:
                require_state(**named, **body["expected"])
            self.act(named, body)
            # Read while it is locked: the row of this change, not of a colleague's next one.
            with suppress(ConversationNotFound):
                row = inbox.row(self.membership, inbox.find(self.membership, conversation_id))
        if row is None:
            raise ConversationNotFound
        return Response({"conversation": row})

    def act(self, named: dict[str, Any], body: dict[str, Any]) -> Conversation:
        raise NotImplementedError


@extend_schema(tags=["conversations"], request=ActionBody, responses=ChangedSerializer)
class TakeOver(ConversationAction):
    """Assign the conversation to yourself; the bot stops answering."""

    operation_id = "conversations_take_over"

    def act(self, named: dict[str, Any], body: dict[str, Any]) -> Conversation:
        return take_over(**named)


@extend_schema(tags=["conversations"], request=ActionBody, responses=ChangedSerializer)
class ReturnToBot(ConversationAction):
    """Return the conversation to the bot."""

    operation_id = "conversations_return_to_bot"

    def act(self, named: dict[str, Any], body: dict[str, Any]) -> Conversation:
        return return_to_bot(**named)


@extend_schema(tags=["conversations"], request=AssignBody, responses=ChangedSerializer)
class Assign(ConversationAction):
    """Assign a conversation to an agent, or unassign it."""

    operation_id = "conversations_assign"
    body = AssignBody

    def act(self, named: dict[str, Any], body: dict[str, Any]) -> Conversation:
        return assign(assignee_id=body["assignee"], **named)


@extend_schema(tags=["conversations"], request=ActionBody, responses=ChangedSerializer)
class Close(ConversationAction):
    """Close a conversation."""

    operation_id = "conversations_close"

    def act(self, named: dict[str, Any], body: dict[str, Any]) -> Conversation:
        return close(**named)


@extend_schema(tags=["conversations"], request=ActionBody, responses=ChangedSerializer)
class Reopen(ConversationAction):
    """Reopen a closed, snoozed or bot conversation for people."""

    operation_id = "conversations_reopen"

    def act(self, named: dict[str, Any], body: dict[str, Any]) -> Conversation:
        return reopen(**named)


@extend_schema(tags=["conversations"], request=SnoozeBody, responses=ChangedSerializer)
class Snooze(ConversationAction):
    """Snooze a conversation until a time, or until the customer writes."""

    operation_id = "conversations_snooze"
    body = SnoozeBody

    def act(self, named: dict[str, Any], body: dict[str, Any]) -> Conversation:
        return snooze(until=body["until"], **named)


def _client_message_id(request: Request, agent: Agent) -> str:
    """Derive the client_message_id from the Idempotency-Key, so that a retry is stored once."""
    if key := request.headers.get(HEADER):
        named = f"{agent.log_name}|{key}"
        return f"api-{hashlib.sha256(named.encode()).hexdigest()[:40]}"
    return f"api-{uuid7().hex}"

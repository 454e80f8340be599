"""The inbox over HTTP: lists, one conversation, and what an agent does with it."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import inbox
from chat.errors import ReadOnly
from chat.models import Conversation, Status
from chat.services import assign, close, hand_back, reopen, snooze, take_over
from config.whole_numbers import WholeNumberField
from crm.accounts.access import IsMember, membership_of
from crm.accounts.models import Membership

MAX_LIMIT = 100


class PageQuery(serializers.Serializer[Any]):
    box = serializers.ChoiceField(choices=[str(box) for box in inbox.Box], default="all")
    status = serializers.ChoiceField(choices=Status.values, default="open")
    search = serializers.CharField(required=False, min_length=2, max_length=100)
    cursor = serializers.CharField(required=False, max_length=200)
    limit = WholeNumberField(min_value=1, max_value=MAX_LIMIT, default=inbox.PAGE)


class HistoryQuery(serializers.Serializer[Any]):
    before = WholeNumberField(min_value=1, max_value=inbox.END, default=inbox.END)
    limit = WholeNumberField(min_value=1, max_value=MAX_LIMIT, default=inbox.MESSAGES)


class AssignBody(serializers.Serializer[Any]):
    """``assignee`` is a user's id, or null for nobody."""

    assignee = serializers.UUIDField(allow_null=True)


class SnoozeBody(serializers.Serializer[Any]):
    until = serializers.DateTimeField()


class InboxView(APIView):
    permission_classes = [IsMember]

    @property
    def membership(self) -> Membership:
        return membership_of(self.request)

    def valid(self, form: serializers.BaseSerializer[Any]) -> Any:
        form.is_valid(raise_exception=True)
        return form.validated_data


class Conversations(InboxView):
    """One page of a box, newest first; ``next`` is the cursor of the page behind it.

    With ``search`` it is about the customers so named instead, in every box and status.
    """

    def get(self, request: Request) -> Response:
        query = self.valid(PageQuery(data=request.query_params.dict()))
        place = {"cursor": query.get("cursor"), "limit": query["limit"]}
        if "search" in query:
            found = inbox.search(self.membership, query["search"], **place)
        else:
            found = inbox.page(
                self.membership,
                box=inbox.Box(query["box"]),
                status=Status(query["status"]),
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
    """How many conversations each box holds, counted no further than ``limit``."""

    def get(self, request: Request) -> Response:
        return Response({"limit": inbox.COUNT_LIMIT, "counts": inbox.counts(self.membership)})


class Agents(InboxView):
    """Whom a conversation may be assigned to."""

    def get(self, request: Request) -> Response:
        return Response({"agents": inbox.agents(self.membership)})


class ConversationDetail(InboxView):
    def get(self, request: Request, conversation_id: UUID) -> Response:
        conversation = inbox.find(self.membership, conversation_id)
        return Response(inbox.detail(self.membership, conversation))


class ConversationMessages(InboxView):
    """Entries that precede ``before``, oldest first, in the form of the socket's events."""

    def get(self, request: Request, conversation_id: UUID) -> Response:
        query = self.valid(HistoryQuery(data=request.query_params.dict()))
        conversation = inbox.find(self.membership, conversation_id)
        return Response(
            inbox.history(
                self.membership, conversation, before=query["before"], limit=query["limit"]
            )
        )


class ConversationAction(InboxView):
    """A change by an agent; answers with the conversation's new row."""

    def post(self, request: Request, conversation_id: UUID) -> Response:
        if not self.membership.may_answer:
            raise ReadOnly
        inbox.find(self.membership, conversation_id)
        self.act(conversation_id, request.data)
        conversation = inbox.find(self.membership, conversation_id)
        return Response({"conversation": inbox.row(self.membership, conversation)})

    def act(self, conversation_id: UUID, body: Any) -> Conversation:
        raise NotImplementedError

    @property
    def organization_id(self) -> UUID:
        return self.membership.organization_id


class TakeOver(ConversationAction):
    def act(self, conversation_id: UUID, body: Any) -> Conversation:
        return take_over(
            organization_id=self.organization_id,
            conversation_id=conversation_id,
            user=self.membership.user,
        )


class HandBack(ConversationAction):
    def act(self, conversation_id: UUID, body: Any) -> Conversation:
        return hand_back(
            organization_id=self.organization_id,
            conversation_id=conversation_id,
            by=self.membership.user,
        )


class Assign(ConversationAction):
    def act(self, conversation_id: UUID, body: Any) -> Conversation:
        wanted = self.valid(AssignBody(data=body))
        return assign(
            organization_id=self.organization_id,
            conversation_id=conversation_id,
            assignee_id=wanted["assignee"],
            by=self.membership.user,
        )


class Close(ConversationAction):
    def act(self, conversation_id: UUID, body: Any) -> Conversation:
        return close(
            organization_id=self.organization_id,
            conversation_id=conversation_id,
            by=self.membership.user,
        )


class Reopen(ConversationAction):
    def act(self, conversation_id: UUID, body: Any) -> Conversation:
        return reopen(
            organization_id=self.organization_id,
            conversation_id=conversation_id,
            by=self.membership.user,
        )


class Snooze(ConversationAction):
    def act(self, conversation_id: UUID, body: Any) -> Conversation:
        wanted = self.valid(SnoozeBody(data=body))
        return snooze(
            organization_id=self.organization_id,
            conversation_id=conversation_id,
            until=wanted["until"],
            by=self.membership.user,
        )

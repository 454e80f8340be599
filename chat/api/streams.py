"""The stream protocol over HTTP, for networks that block WebSockets."""

from time import perf_counter
from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat.api.authentication import (
    STREAM_AUTHENTICATION,
    viewer_of_request,
    visitor_of_request,
)
from chat.api.serializers import (
    BatchSerializer,
    EventPageSerializer,
    EventSerializer,
    PostedSerializer,
    SeenSerializer,
    StreamSerializer,
)
from chat.batches import post_batch
from chat.errors import IdempotencyKeyDiffers, IdempotencyKeyMissing
from chat.events import event_frame
from chat.frames import refused_frame
from chat.long_poll import answer, parse_query
from chat.managers.messages import READ_LIMIT
from chat.participants import Agent, Viewer, Visitor
from chat.services import OutgoingMessage, Posted
from crm.core.api import Body, refuses
from crm.core.errors import AppError
from crm.core.fields import LARGEST, WholeNumberField
from crm.core.observability import metrics
from crm.core.ratelimit.limiter import Subjects
from crm.core.ratelimit.throttle import ApiThrottle, api_subjects
from crm.core.store_errors import outage_refusals

MAX_IN_A_BATCH = 20


class MessageBody(Body):
    content = serializers.JSONField()
    client_message_id = serializers.CharField(max_length=64, trim_whitespace=False, required=False)


class BatchMessage(Body):
    content = serializers.JSONField()
    # As it was sent, or refused: the answer names the message by it.
    client_message_id = serializers.CharField(max_length=64, trim_whitespace=False)


class BatchBody(Body):
    messages = serializers.ListField(
        child=BatchMessage(), min_length=1, max_length=MAX_IN_A_BATCH, allow_empty=False
    )


class EditBody(Body):
    # Its own rules are those of every text, and refused by their own codes.
    text = serializers.CharField(allow_blank=True, trim_whitespace=False)
    before = serializers.CharField(
        allow_blank=True,
        trim_whitespace=False,
        max_length=settings.CHAT_MAX_TEXT_LENGTH,
        required=False,
        help_text="The text that the edit was made from: if the message has another one by now, "
        "the edit is refused (`edited_meanwhile`, with that `text`).",
    )


class SeenBody(Body):
    seq = WholeNumberField(min_value=0)


_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The message's client_message_id: the same again gives the stored message back.",
)


def _whole(name: str, description: str, *, least: int = 0, most: int = LARGEST) -> OpenApiParameter:
    number = {"type": "integer", "minimum": least, "maximum": most}
    return OpenApiParameter(name, number, description=description)


class StreamView(APIView):
    authentication_classes = STREAM_AUTHENTICATION
    permission_classes = []

    @property
    def limit_endpoint(self) -> str:
        return "widget_read" if isinstance(self.request.auth, Visitor) else "api"

    def limit_subjects(self, request: Request) -> Subjects:
        if isinstance(request.auth, Visitor):
            return {"visitor": request.auth.customer_id}
        return api_subjects(request)


class Stream(StreamView):
    """The end of a stream's log: requested before a client loads a snapshot."""

    @extend_schema(operation_id="streams_get", tags=["streams"], responses=StreamSerializer)
    def get(self, request: Request, stream: str) -> Response:
        viewer = viewer_of_request(request)
        with outage_refusals():
            conversation = viewer.conversation_of(stream)
        body = {
            "stream": stream,
            "epoch": conversation.epoch,
            "last_seq": conversation.last_seq,
            "customer_seen_seq": conversation.customer_seen_seq,
            "status": conversation.status,
            "channel": conversation.channel,
        }
        if isinstance(viewer, Agent):
            body |= {"priority": conversation.priority, "inbound_total": conversation.inbound_total}
        return Response(body, headers=_PRIVATE)


class Events(StreamView):
    """A page of a stream.

    A request with ``wait`` is handled by `chat.consumers.LongPollConsumer`, before Django, so that
    it holds no thread.
    """

    @extend_schema(
        operation_id="streams_events",
        tags=["streams"],
        parameters=[
            OpenApiParameter("epoch", str, description="The stream's, as last seen."),
            _whole("after", "Entries that follow this number, oldest first."),
            _whole("before", "Entries that precede this number; alone."),
            _whole("limit", "At most 300 entries.", least=1, most=READ_LIMIT),
            _whole("wait", "Seconds to wait where there is nothing yet; at most 25."),
        ],
        responses=EventPageSerializer,
    )
    def get(self, request: Request, stream: str) -> Response:
        viewer = viewer_of_request(request)
        query = parse_query(request.query_params.dict())
        with outage_refusals():
            found = answer(viewer, stream=stream, query=query)
        return Response(found, headers=_PRIVATE)


class Messages(StreamView):
    """Post a message; repeating the Idempotency-Key returns the stored message."""

    @extend_schema(
        operation_id="streams_post",
        tags=["streams"],
        parameters=[_KEY],
        request=MessageBody,
        responses={201: PostedSerializer},
    )
    @refuses(409, 422)
    def post(self, request: Request, stream: str) -> Response:
        return _post(request, viewer_of_request(request), stream)


class MessageBatch(StreamView):
    """Post several messages in their order; each is posted or refused by itself.

    Where a message lacks a member, or has one that is not declared, the whole is refused (400), and
    nothing is posted: `errors.messages` names it by its index. What its content holds is refused by
    itself.

    Each counts as a request. From the first message beyond a visitor's rate the rest is refused
    too. Repeating the request is safe: a client_message_id stands for one message. Where the
    stream or the stores are not there, where the requests are used up and beside another batch of
    the same sender in the stream, the whole is refused and may be repeated.
    """

    @extend_schema(
        operation_id="streams_post_batch",
        tags=["streams"],
        request=BatchBody,
        responses=BatchSerializer,
    )
    @refuses(409, 422)
    def post(self, request: Request, stream: str) -> Response:
        viewer = viewer_of_request(request)
        body = BatchBody(data=request.data)
        body.is_valid(raise_exception=True)
        messages = [OutgoingMessage(**each) for each in body.validated_data["messages"]]
        self._charge(request, len(messages) - 1)
        began = perf_counter()
        with outage_refusals():
            outcomes = post_batch(viewer, stream=stream, messages=messages)
        for _message in messages:
            metrics.message_accept_seconds.labels(transport="http").observe(perf_counter() - began)
        results = [_outcome(each, of) for each, of in zip(messages, outcomes, strict=True)]
        return Response({"results": results}, headers=_PRIVATE)

    def _charge(self, request: Request, more: int) -> None:
        """Count so many further requests, beside the one that the throttle has counted."""
        for throttle in self.get_throttles():
            if more and isinstance(throttle, ApiThrottle):
                throttle.charge(request, self, more)


class StoredMessage(StreamView):
    """Edit or delete a message; return the event of the change, as every client receives it."""

    @extend_schema(
        operation_id="streams_edit",
        tags=["streams"],
        parameters=[_KEY],
        request=EditBody,
        responses=EventSerializer,
    )
    @refuses(409, 422)
    def patch(self, request: Request, stream: str, message_id: UUID) -> Response:
        viewer = viewer_of_request(request)
        body = EditBody(data=request.data)
        body.is_valid(raise_exception=True)
        key = _idempotency_key(request)
        with outage_refusals():
            entry = viewer.edit(
                stream=stream,
                message_id=message_id,
                client_message_id=key,
                **body.validated_data,
            )
        return Response(event_frame(entry, viewer.audience), headers=_PRIVATE)

    @extend_schema(
        operation_id="streams_delete", tags=["streams"], responses={200: EventSerializer}
    )
    @refuses(409)
    def delete(self, request: Request, stream: str, message_id: UUID) -> Response:
        viewer = viewer_of_request(request)
        with outage_refusals():
            entry = viewer.delete(stream=stream, message_id=message_id)
        return Response(event_frame(entry, viewer.audience), headers=_PRIVATE)


class FirstMessage(StreamView):
    """Post a visitor's message to their open conversation, or to a new one."""

    @extend_schema(
        operation_id="streams_open",
        tags=["streams"],
        parameters=[_KEY],
        request=MessageBody,
        responses={201: PostedSerializer},
    )
    @refuses(409, 422)
    def post(self, request: Request) -> Response:
        return _post(request, visitor_of_request(request), None)


class SeenPosition(StreamView):
    """Mark everything up to ``seq`` as seen; return the resulting position."""

    @extend_schema(
        operation_id="streams_seen", tags=["streams"], request=SeenBody, responses=SeenSerializer
    )
    def post(self, request: Request, stream: str) -> Response:
        viewer = viewer_of_request(request)
        body = SeenBody(data=request.data)
        body.is_valid(raise_exception=True)
        with outage_refusals():
            position = viewer.mark_seen(stream=stream, seq=body.validated_data["seq"])
        return Response({"stream": stream, "seq": position}, headers=_PRIVATE)


_PRIVATE = {"Cache-Control": "no-store"}


def _post(request: Request, viewer: Viewer, stream: str | None) -> Response:
    body = MessageBody(data=request.data)
    body.is_valid(raise_exception=True)
    key = _idempotency_key(request)
    if body.validated_data.get("client_message_id", key) != key:
        raise IdempotencyKeyDiffers
    with outage_refusals(), metrics.message_accept_seconds.labels(transport="http").time():
        posted = viewer.post(
            stream=stream, client_message_id=key, content=body.validated_data["content"]
        )
    return Response(_posted(posted, key), status=201, headers=_PRIVATE)


def _outcome(message: OutgoingMessage, outcome: Posted | AppError) -> dict[str, Any]:
    key = message.client_message_id
    if isinstance(outcome, Posted):
        return {"client_message_id": key, "posted": _posted(outcome, key), "refused": None}
    refused = refused_frame(outcome)
    del refused["type"]
    return {"client_message_id": key, "posted": None, "refused": refused}


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key")
    if not key:
        raise IdempotencyKeyMissing
    return key


def _posted(posted: Posted, client_message_id: str) -> dict[str, Any]:
    message = posted.message
    return {
        "message_id": str(message.message_id),
        "seq": message.seq,
        "timestamp": message.timestamp.isoformat(),
        "client_message_id": client_message_id,
        "stream": message.stream,
        "epoch": posted.epoch,
    }

"""The stream protocol over HTTP, for where sockets are blocked."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat.api.authentication import (
    STREAM_AUTHENTICATION,
    viewer_of_request,
    visitor_of_request,
)
from chat.errors import IdempotencyKeyDiffers, IdempotencyKeyMissing
from chat.events import event_frame
from chat.polling import answer, parse_query
from chat.services import Posted
from chat.viewers import Agent, Viewer
from config import metrics
from config.outages import outage_refusals
from config.whole_numbers import WholeNumberField


class MessageBody(serializers.Serializer[Any]):
    content = serializers.JSONField()
    client_message_id = serializers.CharField(max_length=128, required=False)


class EditBody(serializers.Serializer[Any]):
    # Its own rules are those of every text, and refused by their own codes.
    text = serializers.CharField(allow_blank=True, trim_whitespace=False)


class SeenBody(serializers.Serializer[Any]):
    seq = WholeNumberField(min_value=0)


class StreamView(APIView):
    authentication_classes = STREAM_AUTHENTICATION
    permission_classes = []


class Stream(StreamView):
    """How far a stream goes: what a client asks before it loads a snapshot."""

    def get(self, request: Request, stream: str) -> Response:
        viewer = viewer_of_request(request)
        with outage_refusals():
            head = viewer.head(stream)
        told = {
            "stream": stream,
            "epoch": head.epoch,
            "last_seq": head.last_seq,
            "customer_seen_seq": head.customer_seen_seq,
            "status": head.status,
            "channel": head.channel,
        }
        if isinstance(viewer, Agent):
            told |= {"priority": head.priority, "inbound_total": head.inbound_total}
        return Response(told, headers=_PRIVATE)


class Events(StreamView):
    """A page of a stream. The server waits only where it can do so without holding a thread.

    With ``wait`` the request is answered by `chat.consumers.LongPollConsumer`, before Django.
    """

    def get(self, request: Request, stream: str) -> Response:
        viewer = viewer_of_request(request)
        query = parse_query(request.query_params.dict())
        with outage_refusals():
            found = answer(viewer, stream=stream, query=query)
        return Response(found, headers=_PRIVATE)


class Messages(StreamView):
    """Post a message; the same Idempotency-Key again gives the stored message back."""

    def post(self, request: Request, stream: str) -> Response:
        return _post(request, viewer_of_request(request), stream)


class StoredMessage(StreamView):
    """Edit or delete a message; answers with the event that says so, as every client gets it."""

    def patch(self, request: Request, stream: str, message_id: UUID) -> Response:
        viewer = viewer_of_request(request)
        body = EditBody(data=request.data)
        body.is_valid(raise_exception=True)
        key = _idempotency_key(request)
        with outage_refusals():
            entry = viewer.edit(
                stream=stream,
                message_id=message_id,
                text=body.validated_data["text"],
                client_message_id=key,
            )
        return Response(event_frame(entry, viewer.audience), headers=_PRIVATE)

    def delete(self, request: Request, stream: str, message_id: UUID) -> Response:
        viewer = viewer_of_request(request)
        with outage_refusals():
            entry = viewer.delete(stream=stream, message_id=message_id)
        return Response(event_frame(entry, viewer.audience), headers=_PRIVATE)


class FirstMessage(StreamView):
    """Post a visitor's message into their open conversation, or into a new one."""

    def post(self, request: Request) -> Response:
        return _post(request, visitor_of_request(request), None)


class SeenPosition(StreamView):
    """Tell that everything up to ``seq`` was shown; answers with the position that now holds."""

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
    with outage_refusals(), metrics.message_accept_seconds.labels(road="http").time():
        posted = viewer.post(
            stream=stream, client_message_id=key, content=body.validated_data["content"]
        )
    return Response(_posted(posted, key), status=201, headers=_PRIVATE)


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

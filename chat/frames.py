"""Frames of the stream protocol and close codes.

`docs/stream-protocol.md` describes them; a test compares it with FRAMES_IN and FRAMES_OUT.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from chat.errors import (
    FrameTooLarge,
    InvalidField,
    InvalidJson,
    UnknownField,
    UnknownFrame,
    UnknownProtocol,
)
from crm.core.errors import AppError
from crm.core.fields import LARGEST
from crm.core.http.strict_json import NotJson, read_json

PROTOCOL = 1
MAX_STREAMS = 50
_SURROGATES = re.compile("[\ud800-\udfff]")


class CloseCode(IntEnum):
    RESTART = 1012
    TICKET = 4401
    FORBIDDEN = 4403
    TOO_SLOW = 4408
    PROTOCOL = 4409
    TOO_FAST = 4429


@dataclass(frozen=True, slots=True)
class Position:
    """A client's position in one stream."""

    stream: str
    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Hello:
    ticket: str | None
    organization: str | None
    resume: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Post:
    stream: str | None
    client_message_id: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pull:
    stream: str
    after: int


@dataclass(frozen=True, slots=True)
class Seen:
    stream: str
    seq: int


@dataclass(frozen=True, slots=True)
class Typing:
    stream: str
    is_typing: bool


@dataclass(frozen=True, slots=True)
class Away:
    """Whether nobody is at the page: hidden for long, or not touched."""

    is_away: bool
    stream: None = None


# What a client that was welcomed may ask.
Request = Post | Pull | Seen | Typing | Away
Frame = Hello | Request

# Field names by type; those with "?" may be left out.
FRAMES_IN: dict[str, tuple[str, ...]] = {
    "hello": ("protocol", "ticket?", "organization?", "resume?"),
    "message.post": ("stream", "client_message_id", "content"),
    "stream.pull": ("stream", "after"),
    "stream.seen": ("stream", "seq"),
    "typing.start": ("stream",),
    "typing.stop": ("stream",),
    "presence.away": (),
    "presence.back": (),
}
FRAMES_OUT: dict[str, tuple[str, ...]] = {
    "welcome": ("session", "heartbeat_seconds", "max_frame_bytes"),
    "stream.resumed": ("stream", "epoch", "from", "to", "recovered", "reason?", "events"),
    "message.ack": (
        "client_message_id",
        "message_id",
        "seq",
        "timestamp",
        "stream?",
        "epoch?",
    ),
    "refused": ("code", "message", "client_message_id?", "retry_after?", "stream?", "field?"),
    "event": ("stream", "seq", "kind", "data"),
    "heartbeat": ("last_seqs", "inbox?"),
    "receipts": ("stream", "customer_seen_seq?", "agents_seen_seq?"),
    "typing": ("stream", "sender", "is_typing"),
    "presence": ("users?", "agents_online?", "stream?", "viewing?"),
    "conversation": ("row",),
    "conversation.gone": ("stream",),
    "notifications": ("unread",),
}


def parse_frame(text: str | None) -> Frame:
    """Parse a frame. Raise a ProtocolError, with the frame's ``client_message_id`` if present."""
    fields = _fields(text)
    try:
        return _read(fields)
    except AppError as refusal:
        refusal.extra |= _identification(fields)
        raise


def identify(text: str | None) -> dict[str, Any]:
    """Return the members that identify a client's frame, of a frame that is invalid."""
    try:
        return _identification(_fields(text))
    except AppError:
        return {}


def refused_frame(refusal: AppError) -> dict[str, Any]:
    """Serialize an error for a socket, in the active language."""
    known = ("client_message_id", "retry_after", "stream", "field")
    extra = {name: _encodable(refusal.extra[name]) for name in known if name in refusal.extra}
    return {
        "type": "refused",
        "code": refusal.code,
        "message": gettext(refusal.message),
        **extra,
    }


def _encodable(value: Any) -> Any:
    """Replace lone surrogates of a client's text: a frame with one cannot be sent."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def encode(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def _fields(text: str | None) -> dict[str, Any]:
    if text is None:
        raise InvalidJson
    try:
        fields = read_json(text)
    except NotJson:
        raise InvalidJson from None
    if not isinstance(fields, dict):
        raise InvalidJson
    return fields


def _identification(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identifying members that are short: an error must not exceed its cause."""
    return {
        name: value
        for name in ("client_message_id", "stream")
        if isinstance(value := fields.get(name), str) and len(value) <= 64 and value.isprintable()
    }


def _read(fields: Mapping[str, Any]) -> Frame:
    kind = fields.get("type")
    if not isinstance(kind, str) or kind not in FRAMES_IN:
        raise UnknownFrame
    known = {name.rstrip("?") for name in FRAMES_IN[kind]} | {"type"}
    for name in fields:
        if name not in known:
            raise UnknownField(extra={"field": name[:64]})
    for name in FRAMES_IN[kind]:
        if not name.endswith("?") and name not in fields:
            raise InvalidField(extra={"field": name})
    return _READERS[kind](fields)


def check_size(text: str) -> None:
    """Raise FrameTooLarge for a frame above CHAT_MAX_FRAME_BYTES."""
    if len(text) > settings.CHAT_MAX_FRAME_BYTES or (
        len(text) * 4 > settings.CHAT_MAX_FRAME_BYTES
        and len(text.encode()) > settings.CHAT_MAX_FRAME_BYTES
    ):
        raise FrameTooLarge(extra=identify(text))


def _text(fields: Mapping[str, Any], name: str, *, longest: int = 128) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value or len(value) > longest or not _is_storable(value):
        raise InvalidField(extra={"field": name})
    return value


def _is_storable(text: str) -> bool:
    """Return whether the text has neither NUL nor lone surrogates, which no store accepts."""
    return "\x00" not in text and not _SURROGATES.search(text)


def _number(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
        raise InvalidField(extra={"field": name})
    return value


def _hello(fields: Mapping[str, Any]) -> Hello:
    if fields["protocol"] != PROTOCOL or isinstance(fields["protocol"], bool):
        raise UnknownProtocol
    resume = fields.get("resume", [])
    if not isinstance(resume, list) or len(resume) > MAX_STREAMS:
        raise InvalidField(extra={"field": "resume"})
    return Hello(
        ticket=_text(fields, "ticket") if fields.get("ticket") is not None else None,
        organization=(
            _text(fields, "organization") if fields.get("organization") is not None else None
        ),
        resume=tuple(_position(each) for each in resume),
    )


def _position(value: object) -> Position:
    if not isinstance(value, dict) or set(value) != {"stream", "epoch", "seq"}:
        raise InvalidField(extra={"field": "resume"})
    return Position(
        stream=_text(value, "stream"), epoch=_text(value, "epoch"), seq=_number(value, "seq")
    )


def _post(fields: Mapping[str, Any]) -> Post:
    content = fields["content"]
    if not isinstance(content, dict):
        raise InvalidField(extra={"field": "content"})
    return Post(
        stream=None if fields["stream"] is None else _text(fields, "stream"),
        client_message_id=_text(fields, "client_message_id"),
        content=content,
    )


_READERS: dict[str, Callable[[Mapping[str, Any]], Frame]] = {
    "hello": _hello,
    "message.post": _post,
    "stream.pull": lambda f: Pull(stream=_text(f, "stream"), after=_number(f, "after")),
    "stream.seen": lambda f: Seen(stream=_text(f, "stream"), seq=_number(f, "seq")),
    "typing.start": lambda f: Typing(stream=_text(f, "stream"), is_typing=True),
    "typing.stop": lambda f: Typing(stream=_text(f, "stream"), is_typing=False),
    "presence.away": lambda f: Away(is_away=True),
    "presence.back": lambda f: Away(is_away=False),
}

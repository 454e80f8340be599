"""Validation of message content, shared by every entry point."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from chat.errors import (
    ControlCharacters,
    EmptyText,
    InvalidClientMessageId,
    InvalidContent,
    TextTooLong,
)
from chat.models import ContentType
from crm.core.text.normalization import normalize, with_line_ends

_CLIENT_MESSAGE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
# Under such an id the bot answers an entry, so that it does so once.
BOT_REPLY = "bot-reply-to-"
_ALLOWED_CONTROLS = {"\n", "\t"}


def clean_text(text: object) -> str:
    """Return the text normalized; no visible character is removed. Raise an Invalid error."""
    if not isinstance(text, str):
        raise InvalidContent
    # Before the work of normalizing; a text that is a little too long may become short enough.
    if len(text) > 4 * settings.CHAT_MAX_TEXT_LENGTH:
        raise TextTooLong(extra={"max_length": settings.CHAT_MAX_TEXT_LENGTH})
    text = with_line_ends(text)
    if has_controls(text):
        raise ControlCharacters
    text = normalize(text)
    if not text:
        raise EmptyText
    if len(text) > settings.CHAT_MAX_TEXT_LENGTH:
        raise TextTooLong(extra={"max_length": settings.CHAT_MAX_TEXT_LENGTH})
    return text


def has_controls(text: str) -> bool:
    # Cc: controls. Cs: halves of a surrogate pair, which no store can keep.
    return any(
        unicodedata.category(character) in {"Cc", "Cs"}
        for character in text
        if character not in _ALLOWED_CONTROLS
    )


def clean_content(content: object) -> dict[str, Any]:
    """Validate user content: ``{"type": "text"

    "note", "text": …}`` without other members.
    """
    if not isinstance(content, Mapping) or set(content) - {"type", "text"}:
        raise InvalidContent
    # A list or an object is no type, and cannot be looked up in a set either.
    if content.get("type") not in (ContentType.TEXT, ContentType.NOTE):
        raise InvalidContent
    return {"type": str(content["type"]), "text": clean_text(content.get("text"))}


def clean_client_message_id(value: object, *, is_bot: bool = False) -> str:
    """Return the id, or raise InvalidClientMessageId; ids of bot replies are reserved."""
    if not isinstance(value, str) or not _CLIENT_MESSAGE_ID.fullmatch(value):
        raise InvalidClientMessageId
    if value.startswith(BOT_REPLY) and not is_bot:
        raise InvalidClientMessageId
    return value

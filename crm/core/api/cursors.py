"""Pagination cursors: the position where a page ended, signed.

The text is signed because its values are compared with columns. It contains no timestamp, so that
the same page always has the same cursor.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_noop

from crm.core.errors import Invalid

_MAC_BYTES = 12
# A name of 255 characters of four bytes each, in base64, beside an id.
MAX_LENGTH = 2_000


class CursorInvalid(Invalid):
    code = "cursor_invalid"
    message = gettext_noop(
        "The cursor is not one of this list and this order. Load the list from its beginning."
    )


def encode_cursor(scope: str, values: Sequence[Any]) -> str:
    """Return the cursor of a position in the list and order that ``scope`` names."""
    plain = json.dumps(
        [_plain(value) for value in values], ensure_ascii=False, separators=(",", ":")
    ).encode()
    return base64.urlsafe_b64encode(_mac(scope, plain) + plain).decode().rstrip("=")


def decode_cursor(scope: str, text: str) -> list[Any]:
    """Return the values of a cursor. Raise CursorInvalid for text that was not signed here."""
    try:
        raw = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except (ValueError, binascii.Error) as error:
        raise CursorInvalid from error
    mac, plain = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(scope, plain)):
        raise CursorInvalid
    return [_value(each) for each in json.loads(plain)]


def _mac(scope: str, plain: bytes) -> bytes:
    key = hashlib.sha256(b"api.cursor|" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, f"{scope}|".encode() + plain, hashlib.sha256).digest()[:_MAC_BYTES]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    if isinstance(value, UUID):
        return {"u": value.hex}
    return value


def _value(plain: Any) -> Any:
    if isinstance(plain, dict):
        if "d" in plain:
            return date.fromisoformat(plain["d"])
        return datetime.fromisoformat(plain["t"]) if "t" in plain else UUID(plain["u"])
    return plain

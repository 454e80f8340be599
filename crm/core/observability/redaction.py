"""Redaction of secrets, personal data and message texts in logs."""

import datetime
import decimal
import re
import uuid
from collections.abc import Mapping
from pathlib import PurePath

HIDDEN = "[redacted]"
# No sentence of ours is longer; what is may be somebody's text, and costs time to search.
LONGEST = 2000

# In this order: a URL's credentials look like an email address once the scheme is cut off.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"://[^/\s@]+@"), f"://{HIDDEN}@"),
    (re.compile(r"\?[^\s\"'<>?]*=[^\s\"'<>]*"), f"?{HIDDEN}"),
    (
        # Looked for at the start of a word alone: else a long text costs its length squared.
        re.compile(r"(?<![^\s@<>\"'=(:,])[^\s@<>\"'=(:,]+@[^\s@<>\"',;)]+\.[^\W\d_]{2,}"),
        HIDDEN,
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"\bnf_(?:live|test)_\w+"), HIDDEN),
    (
        re.compile(
            r"(?i)\b(\w*(?:password|passwd|secret|token|ticket|api_?key|authorization|cookie|"
            r"sessionid))(\"|')?(\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;}&]+)"
        ),
        rf"\1\3{HIDDEN}",
    ),
    (re.compile(r"(?<![\w.])\+\d[\d ()-]{7,}\d"), HIDDEN),
    # An opaque token: long, without spaces, and of mixed make-up as no name or UUID is.
    (re.compile(r"(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{32,}"), HIDDEN),
)
_PRIVATE_PART = re.compile(
    r"passw|secret|token|ticket|authoriz|cookie|credential|email|e_mail|phone|(?:api|private)_?key",
    re.IGNORECASE,
)
_PRIVATE_KEYS = frozenset(
    [
        "address",
        "answer",
        "body",
        "content",
        "data",
        "first_name",
        "full_name",
        "ip",
        "ip_address",
        "last_name",
        "message",
        "payload",
        "query",
        "query_string",
        "question",
        "sender_name",
        "subject",
        "text",
        "user_agent",
        "username",
    ]
)


def redact_text(text: str) -> str:
    """Truncate the text to LONGEST and replace what matches a secret or a personal address."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}…"
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_value(value: object, *, key: str = "") -> object:
    """Return a metadata value, redacted and JSON-serializable; other objects become ``<type>``."""
    if key and (key.lower() in _PRIVATE_KEYS or _PRIVATE_PART.search(key)):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, uuid.UUID | datetime.date | datetime.timedelta | decimal.Decimal):
        return str(value)
    if isinstance(value, PurePath):
        return redact_text(str(value))
    if isinstance(value, Mapping):
        return {str(name): redact_value(item, key=str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item) for item in value]
    return f"<{type(value).__name__}>"

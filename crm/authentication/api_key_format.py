"""The format of an API key: ``nf_live_<8 id>_<32 random>_<6 check>``.

The id is the lookup key, the random part the secret, and the checksum distinguishes a truncated or
mistyped key from a wrong one without a query, for us and for secret scanners.
"""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass

from crm.authentication.errors import ApiKeyMalformed

MARK = "nf_live_"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(r"(nf_live_([0-9A-Za-z]{8})_[0-9A-Za-z]{32})_([0-9A-Za-z]{6})")


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """``text`` is the secret itself; only ``prefix`` and ``digest`` are stored."""

    text: str
    prefix: str

    @property
    def digest(self) -> str:
        # 190 random bits cannot be guessed: a slow hash would only slow every request down.
        return hashlib.sha256(self.text.encode()).hexdigest()


def new_text() -> ParsedKey:
    prefix, secret = (_random(length) for length in (8, 32))
    body = f"{MARK}{prefix}_{secret}"
    return ParsedKey(text=f"{body}_{_check(body)}", prefix=prefix)


def read_text(text: str) -> ParsedKey:
    """Parse a key. Raise ApiKeyMalformed for text of another format or a wrong checksum."""
    found = _FORM.fullmatch(text)
    if found is None or found[3] != _check(found[1]):
        raise ApiKeyMalformed
    return ParsedKey(text=text, prefix=found[2])


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _each in range(length))


def _check(body: str) -> str:
    number = zlib.crc32(body.encode())
    letters = ""
    for _each in range(6):
        number, rest = divmod(number, len(_LETTERS))
        letters = _LETTERS[rest] + letters
    return letters

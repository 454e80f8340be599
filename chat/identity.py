"""What a page tells of its visitor: claims that nobody checked, and later proofs that it signed."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from chat.content import has_controls
from chat.errors import IdentityMalformed, IdentityNotSupported

_LENGTHS = {"name": 255, "email": 255, "phone": 50}


def parse_claims(identity: object) -> dict[str, str]:
    """Give name, email and phone as far as the page tells them.

    Raises IdentityNotSupported for a signed token, which nobody here can check, and
    IdentityMalformed.
    """
    if identity is None:
        return {}
    if isinstance(identity, str) or (isinstance(identity, Mapping) and "token" in identity):
        raise IdentityNotSupported
    if not isinstance(identity, Mapping) or set(identity) - set(_LENGTHS):
        raise IdentityMalformed
    return _facts(identity)


def _facts(given: Mapping[str, Any]) -> dict[str, str]:
    facts = {}
    for name, length in _LENGTHS.items():
        value = given.get(name)
        if value is None or value == "":
            continue
        if not isinstance(value, str) or len(value) > length or has_controls(value):
            raise IdentityMalformed
        facts[name] = value.strip()
    if "email" in facts:
        try:
            validate_email(facts["email"])
        except ValidationError:
            raise IdentityMalformed from None
    return facts

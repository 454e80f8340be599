"""Visitor identity from a site: a signed token, and unverified data.

A token is a JWT with a lifetime of at most ten minutes, signed by HS256 with one of the widget's
secrets. Its ``alg`` never selects the verification; ``kid`` only selects among the secrets.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from chat.content import has_controls
from chat.errors import (
    IdentityExpired,
    IdentityInvalid,
    IdentityMalformed,
    IdentityTooLong,
)
from chat.models import IdentitySecret, Widget
from crm.authentication.encryption import seal, unseal
from crm.core.text.addresses import normalize_email
from crm.core.text.normalization import (
    is_blank,
    is_too_long,
    normalize_line,
    with_line_ends,
)
from crm.core.text.phones import PHONE, normalize_phone

logger = logging.getLogger(__name__)

ALGORITHM = "HS256"
LONGEST_SECONDS = 600
LEEWAY_SECONDS = 30
LONGEST_ID = 200
MAX_TOKEN_LENGTH = 4096
_REQUIRED = ["sub", "aud", "iat", "exp", "jti"]
_LENGTHS = {"name": 255, "email": 255, "phone": 50}
_FORMS = {"name": normalize_line, "email": normalize_email, "phone": normalize_phone}
_NOTED_EVERY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Proof:
    """The verified identity of a visitor; ``facts`` are name, email and phone as signed."""

    external_id: str
    facts: Mapping[str, str]
    jti: str
    expires_at: datetime
    secret: IdentitySecret


@dataclass(frozen=True, slots=True)
class IdentityInput:
    """The identity input of a session: a token to verify, and unverified data."""

    token: str | None = None
    claims: Mapping[str, str] = field(default_factory=dict)


def parse_identity(given: object) -> IdentityInput:
    """Parse ``identity``: a token, or an object with ``token``, name, email and phone.

    Raise IdentityMalformed.
    """
    if given is None:
        return IdentityInput()
    if isinstance(given, str):
        return IdentityInput(token=given)
    if not isinstance(given, Mapping) or set(given) - {"token", *_LENGTHS}:
        raise IdentityMalformed
    token = given.get("token")
    if token is not None and not isinstance(token, str):
        raise IdentityMalformed
    return IdentityInput(token=token, claims=_facts(given))


def check_proof(widget: Widget, token: str) -> Proof:
    """Verify a signed identity. Raise IdentityInvalid, IdentityExpired or IdentityTooLong."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise IdentityInvalid
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        secret = _secret(widget, kid)
        claims = jwt.decode(
            token,
            open_secret(secret),
            algorithms=[ALGORITHM],
            audience=widget.site_key,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
        issued_at, expires_at = int(claims["iat"]), int(claims["exp"])
    except ImproperlyConfigured as error:
        logger.error("A widget's secret cannot be read: %s", error)
        raise IdentityInvalid from None
    except jwt.ExpiredSignatureError:
        raise IdentityExpired from None
    except (jwt.InvalidTokenError, ArithmeticError, ValueError, TypeError, RecursionError):
        raise IdentityInvalid from None
    if expires_at - issued_at > LONGEST_SECONDS:
        raise IdentityTooLong
    subject, jti = claims["sub"], claims["jti"]
    for text in (subject, jti):
        # Never normalized: two ids of the site stay two people here.
        if (
            not isinstance(text, str)
            or is_blank(text)
            or len(text) > LONGEST_ID
            or has_controls(text)
        ):
            raise IdentityInvalid
    _note_use(secret)
    return Proof(
        external_id=subject,
        facts=_facts(claims),
        jti=jti,
        expires_at=datetime.fromtimestamp(expires_at + LEEWAY_SECONDS, UTC),
        secret=secret,
    )


def seal_secret(kid: str, text: str) -> str:
    """Encrypt a secret together with its ``kid``, so that it is useless in another row."""
    return seal(f"identity secret|{kid}|{text}")


def open_secret(secret: IdentitySecret) -> str:
    name, kid, text = unseal(secret.sealed).split("|", 2)
    if (name, kid) != ("identity secret", secret.kid):
        raise IdentityInvalid
    return text


def _secret(widget: Widget, kid: object) -> IdentitySecret:
    if not isinstance(kid, str) or len(kid) > 16 or has_controls(kid):
        raise IdentityInvalid
    secret = IdentitySecret.objects.filter(
        organization_id=widget.organization_id, widget=widget, kid=kid, revoked_at__isnull=True
    ).first()
    if secret is None:
        raise IdentityInvalid
    return secret


def _note_use(secret: IdentitySecret) -> None:
    now = timezone.now()
    last = secret.last_used_at
    if last is None or (now - last).total_seconds() >= _NOTED_EVERY_SECONDS:
        IdentitySecret.objects.filter(pk=secret.pk).update(last_used_at=now)


def _facts(given: Mapping[str, Any]) -> dict[str, str]:
    facts = {}
    for name, length in _LENGTHS.items():
        value = given.get(name)
        if value is None or value == "":
            continue
        # Before the work of normalizing; a text that is a little too long may become short enough.
        if not isinstance(value, str) or is_too_long(value, length):
            raise IdentityMalformed
        if has_controls(with_line_ends(value)):
            raise IdentityMalformed
        text = _FORMS[name](value)
        if len(text) > length or (name == "phone" and not re.match(PHONE, text)):
            raise IdentityMalformed
        if text:
            facts[name] = text
    if "email" in facts:
        try:
            validate_email(facts["email"])
        except ValidationError:
            raise IdentityMalformed from None
    return facts

"""Access tokens: short-lived JWTs that name a user, an organization and a token family.

They are signed with one of our own keys by HS256, and nothing else is accepted: the token's ``alg``
never selects the verification, its ``kid`` only selects among our keys.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import jwt
from django.conf import settings

from crm.authentication.errors import AccessTokenExpired, AccessTokenInvalid

ALGORITHM = "HS256"
AUDIENCE = "nextflow-api"
LONGEST = 4096
_REQUIRED = ["iss", "aud", "sub", "org", "fam", "iat", "nbf", "exp", "jti"]


@dataclass(frozen=True, slots=True)
class Claims:
    user_id: UUID
    organization_id: UUID
    family_id: UUID


def issue(*, user_id: UUID, organization_id: UUID, family_id: UUID) -> str:
    """Return a signed token valid for ACCESS_TOKEN_SECONDS, signed with the first of our keys."""
    kid, key = next(iter(_keys().items()))
    now = int(time.time())
    claims = {
        "iss": settings.ACCESS_TOKEN_ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "org": str(organization_id),
        "fam": str(family_id),
        "iat": now,
        "nbf": now,
        "exp": now + settings.ACCESS_TOKEN_SECONDS,
        "jti": secrets.token_hex(8),
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": kid})


def read(token: str) -> Claims:
    """Verify a token and return its claims. Raise AccessTokenInvalid or AccessTokenExpired."""
    if len(token) > LONGEST:
        raise AccessTokenInvalid
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = _keys().get(kid) if isinstance(kid, str) else None
        if key is None:
            raise AccessTokenInvalid
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=settings.ACCESS_TOKEN_ISSUER,
            leeway=settings.ACCESS_TOKEN_LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
        return Claims(
            user_id=UUID(claims["sub"]),
            organization_id=UUID(claims["org"]),
            family_id=UUID(claims["fam"]),
        )
    except jwt.ExpiredSignatureError:
        raise AccessTokenExpired from None
    except (jwt.InvalidTokenError, ArithmeticError, ValueError, TypeError, RecursionError):
        raise AccessTokenInvalid from None


def looks_like_one(credential: str) -> bool:
    """Return whether a credential has the form of a JWT, unlike our opaque tokens and keys."""
    return credential.count(".") == 2


def _keys() -> dict[str, bytes]:
    return _parsed(tuple(settings.ACCESS_TOKEN_KEYS), settings.SECRET_KEY)


@lru_cache(maxsize=8)
def _parsed(given: tuple[str, ...], secret_key: str) -> dict[str, bytes]:
    """Parse ``kid:secret`` pairs, the first of which signs; without any, derive one."""
    if not given:
        derived = hashlib.sha256(f"access tokens\n{secret_key}".encode()).digest()
        return {hashlib.sha256(derived).hexdigest()[:8]: derived}
    pairs = (pair.partition(":") for pair in given)
    return {kid: secret.encode() for kid, _colon, secret in pairs}

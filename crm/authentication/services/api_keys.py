"""Services of API keys, and the format of a key: ``nf_live_<8 id>_<32 random>_<6 check>``.

The id is the lookup key, the random part the secret, and the checksum distinguishes a truncated or
mistyped key from a wrong one without a query, for us and for secret scanners.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from crm.authentication.errors import (
    ApiKeyExpired,
    ApiKeyInvalid,
    ApiKeyMalformed,
    ApiKeyNotFound,
    ApiKeyOver,
    RotationUnderWay,
    ScopeNotYours,
    TooManyApiKeys,
)
from crm.authentication.models import ApiKey, ApiKeySecret
from crm.authentication.signals import api_key_changed
from crm.core import realtime, tenancy
from crm.core.permissions import (
    WRITE,
    ApiKeyPrincipal,
    Module,
    Principal,
    register_lookup,
    require,
    rights_of_scopes,
    scopes_of,
)
from crm.core.permissions.errors import PersonRequired
from crm.organizations.models.membership import admits
from crm.organizations.services.guards import enter_settings

MAX_KEYS = 100
SECRETS_PER_KEY = 2
USE_NOTED_EVERY = timedelta(minutes=1)
MARK = "nf_live_"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
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


@dataclass(frozen=True, slots=True)
class NewSecret:
    """``text`` is shown once and cannot be recovered."""

    key: ApiKey
    text: str


@transaction.atomic
def create_api_key(
    *, by: Principal, name: str, scopes: Iterable[str], expires_at: datetime | None
) -> NewSecret:
    """Create a key with no more permissions than its creator's. Raise ScopeNotYours,
    TooManyApiKeys.
    """
    by = _enter_as_person(by)
    wanted = sorted(set(scopes))
    if not set(wanted) <= set(scopes_of(by.rights)):
        raise ScopeNotYours
    if ApiKey.objects.of(by.organization_id).not_revoked().count() >= MAX_KEYS:
        raise TooManyApiKeys
    key = ApiKey.objects.create(
        organization_id=by.organization_id,
        name=name,
        scopes=wanted,
        created_by_id=by.user_id,
        expires_at=expires_at,
    )
    secret = _add_secret(key)
    _announce(key, by, "created")
    return NewSecret(key=key, text=secret.text)


@transaction.atomic
def rotate_api_key(*, by: Principal, key_id: UUID) -> NewSecret:
    """Add a second secret to a key; the first stays valid until it is revoked."""
    by = _enter_as_person(by)
    key = _locked(by, key_id)
    if not key.is_live(timezone.now()):
        raise ApiKeyOver
    # Who renews a key holds it: it may do no more than they may.
    if not set(key.scopes) <= set(scopes_of(by.rights)):
        raise ScopeNotYours
    if key.secrets.filter(revoked_at__isnull=True).count() >= SECRETS_PER_KEY:
        raise RotationUnderWay
    secret = _add_secret(key)
    _announce(key, by, "rotated")
    return NewSecret(key=key, text=secret.text)


@transaction.atomic
def revoke_secret(*, by: Principal, key_id: UUID, secret_id: UUID) -> ApiKey:
    """Revoke one of a key's secrets; with the last one the key is revoked too. Safe to repeat."""
    key = _locked(by, key_id)
    if not key.secrets.filter(pk=secret_id).exists():
        raise ApiKeyNotFound
    now = timezone.now()
    key.secrets.filter(pk=secret_id, revoked_at__isnull=True).update(revoked_at=now)
    if key.revoked_at is None and not key.secrets.filter(revoked_at__isnull=True).exists():
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
    _announce(key, by, "secret_revoked")
    return key


@transaction.atomic
def revoke_api_key(*, by: Principal, key_id: UUID) -> ApiKey:
    """Revoke a key with all its secrets. Safe to repeat."""
    key = _locked(by, key_id)
    if key.revoked_at is None:
        now = timezone.now()
        key.secrets.filter(revoked_at__isnull=True).update(revoked_at=now)
        key.revoked_at = now
        key.save(update_fields=["revoked_at"])
        _announce(key, by, "revoked")
    return key


def key_of_text(text: str) -> ApiKey:
    """Return the key of a text, with its organization, in one query; record its use.

    Raise ApiKeyMalformed, ApiKeyInvalid or ApiKeyExpired.
    """
    shown = read_text(text)
    with tenancy.by_lookup(ApiKeySecret, prefix=shown.prefix):
        return _live_key(shown)


def machine_of_key(key: ApiKey) -> ApiKeyPrincipal:
    """Return the principal of a valid key."""
    return ApiKeyPrincipal(
        organization_id=key.organization_id,
        granted=rights_of_scopes(key.scopes),
        key_id=str(key.pk),
        name=key.name,
    )


def _principal_of_key(
    organization_id: UUID, key_id: UUID, granted_at: datetime
) -> ApiKeyPrincipal | None:
    key = (
        ApiKey.objects.of(organization_id)
        .live()
        .filter(admits(granted_at, "organization__"), organization__is_active=True, pk=key_id)
        .first()
    )
    return machine_of_key(key) if key is not None else None


register_lookup(ApiKeyPrincipal.kind, _principal_of_key)


def _live_key(shown: ParsedKey) -> ApiKey:
    secret = _secret(shown)
    now = timezone.now()
    key = secret.key
    if secret.revoked_at is not None or key.revoked_at is not None:
        raise ApiKeyInvalid
    if not key.is_live(now):
        raise ApiKeyExpired
    if secret.last_used_at is None or secret.last_used_at <= now - USE_NOTED_EVERY:
        ApiKeySecret.objects.filter(pk=secret.pk).update(last_used_at=now)
    return key


def _secret(shown: ParsedKey) -> ApiKeySecret:
    secret = (
        ApiKeySecret.objects.select_related("key__organization")
        .filter(prefix=shown.prefix, organization__is_active=True)
        .first()
    )
    if secret is None or not hmac.compare_digest(secret.secret_hash, shown.digest):
        raise ApiKeyInvalid
    return secret


def _enter_as_person(by: Principal) -> Principal:
    """Take the lock of rights, which is that of the keys' count too; return present rights."""
    present = enter_settings(by)
    if present.user_id is None:
        # A stolen key must not make others that outlive it.
        raise PersonRequired
    return present


def _locked(by: Principal, key_id: UUID) -> ApiKey:
    require(by, Module.SETTINGS, WRITE)
    key = ApiKey.objects.of(by.organization_id).select_for_update().filter(pk=key_id).first()
    if key is None:
        raise ApiKeyNotFound
    return key


def _add_secret(key: ApiKey) -> ParsedKey:
    text = new_text()
    ApiKeySecret.objects.create(
        organization_id=key.organization_id,
        key=key,
        prefix=text.prefix,
        secret_hash=text.digest,
    )
    return text


def _announce(key: ApiKey, by: Principal, what: str) -> None:
    if key.revoked_at is not None:
        realtime.kick(realtime.key_group(key.pk))
    transaction.on_commit(
        lambda: api_key_changed.send_robust(
            sender=ApiKey,
            organization_id=key.organization_id,
            key_id=key.pk,
            by=by.actor_id,
            what=what,
        ),
        robust=True,
    )


def _random(length: int) -> str:
    return "".join(secrets.choice(_DIGITS) for _each in range(length))


def _check(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _each in range(6):
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    return digits

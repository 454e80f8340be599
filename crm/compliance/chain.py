"""The format of the audit's hash chains, and the keys that sign their ends.

PostgreSQL writes the chains (``nextflow_audit_append``); this module reads the same format outside
of the database under verification.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is hashed; ``details`` is PostgreSQL's own text of the JSON."""

    organization_id: UUID
    seq: int
    at: datetime
    actor_kind: str
    actor_id: str
    action: str
    object_type: str
    object_id: str
    details: str
    correlation_id: str
    data_hash: bytes | None
    address_hash: bytes | None
    prev_hash: bytes
    hash: bytes

    def computed_hash(self) -> bytes:
        form = [
            "v1",
            str(self.organization_id),
            self.seq,
            text_of(self.at),
            self.actor_kind,
            self.actor_id,
            self.action,
            self.object_type,
            self.object_id,
            self.details,
            self.correlation_id,
            self.data_hash.hex() if self.data_hash is not None else None,
            self.address_hash.hex() if self.address_hash is not None else None,
            self.prev_hash.hex(),
        ]
        return hashlib.sha256(json.dumps(form, ensure_ascii=False).encode()).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain, or a former one."""

    organization_id: UUID
    seq: int
    at: datetime
    hash: bytes
    is_start: bool = False

    def mac(self, key: bytes) -> bytes:
        form = [
            "v1",
            str(self.organization_id),
            self.seq,
            text_of(self.at),
            self.hash.hex(),
            self.is_start,
        ]
        return hmac.new(key, json.dumps(form).encode(), hashlib.sha256).digest()


def first_hash(organization_id: UUID) -> bytes:
    """Return the previous hash of a chain's first entry."""
    return hashlib.sha256(str(organization_id).encode()).digest()


def salted_hash(salt: bytes, value: str) -> bytes:
    return hashlib.sha256(salt + value.encode()).digest()


def text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def keys() -> dict[str, bytes]:
    """Return our keys by id; the first one signs, all are accepted."""
    pairs = [text.partition(":") for text in settings.AUDIT_KEYS]
    named = {kid: secret.encode() for kid, _colon, secret in pairs if kid and secret}
    if named:
        return named
    secret = hashlib.sha256(f"audit seals\n{settings.SECRET_KEY}".encode()).digest()
    return {hashlib.sha256(secret).hexdigest()[:8]: secret}


def has_key(key_id: str) -> bool:
    return key_id in keys()


def is_signed(head: Head, *, key_id: str, mac: bytes) -> bool:
    key = keys().get(key_id)
    return key is not None and hmac.compare_digest(head.mac(key), mac)

"""A passkey in software: what an authenticator and a browser send, with any flags."""

import hashlib
import json
import re
import secrets
import struct
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import reverse
from fido2 import cbor
from fido2.utils import websafe_encode

from tests.conftest import PASSWORD

ADD = reverse("mfa_add_webauthn")
CONFIRM = reverse("account_reauthenticate")
LOG_IN = reverse("mfa_login_webauthn")
ORIGIN = "http://testserver"
# Bits of the authenticator's data.
PRESENT, VERIFIED, ATTESTED = 1, 4, 64
_CHALLENGE = re.compile(r'"challenge":\s*"([^"]+)"')


@dataclass
class Passkey:
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def registered(self, challenge: str, *, flags: int) -> str:
        """Return the answer to a registration's challenge."""
        point = self.private.public_key().public_numbers()
        public = cbor.encode(
            {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        )
        attested = b"\0" * 16 + struct.pack(">H", len(self.id)) + self.id + public
        data = self._data(flags | ATTESTED) + attested
        statement = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            clientDataJSON=_client_data("webauthn.create", challenge), attestationObject=statement
        )

    def used(self, challenge: str, *, owner: Any, flags: int) -> str:
        """Return the answer to a log-in's challenge; nothing proves whom it names as its owner."""
        data, client_data = self._data(flags), _client_data("webauthn.get", challenge)
        signed = data + hashlib.sha256(client_data).digest()
        return self._answer(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=self.private.sign(signed, ec.ECDSA(hashes.SHA256())),
            userHandle=str(owner.pk).encode(),
        )

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(b"testserver").digest() + struct.pack(">BI", flags, 0)

    def _answer(self, **response: bytes) -> str:
        key_id = websafe_encode(self.id)
        return json.dumps(
            {
                "id": key_id,
                "rawId": key_id,
                "type": "public-key",
                "clientExtensionResults": {"credProps": {"rk": True}},
                "response": {name: websafe_encode(raw) for name, raw in response.items()},
            }
        )


def _client_data(kind: str, challenge: str) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": ORIGIN}).encode()


def challenge_of(page: str) -> str:
    """Return the challenge of a ceremony that a page begins."""
    found = _CHALLENGE.search(unescape(page))
    assert found is not None
    return found[1]


def add_passkey(client: Client, *, is_alone: bool) -> Passkey:
    """Register a passkey as a person does, to log in with it alone or as a second factor."""
    client.post(CONFIRM, {"password": PASSWORD})
    key = Passkey()
    flags = PRESENT | VERIFIED if is_alone else PRESENT
    answer = key.registered(challenge_of(client.get(ADD).content.decode()), flags=flags)
    sent = {"name": "Key", "credential": answer} | ({"passwordless": "on"} if is_alone else {})
    assert client.post(ADD, sent).status_code == 302
    return key


def log_in_challenge(client: Client) -> str:
    """Begin a log-in with a passkey alone."""
    begun = client.get(LOG_IN, headers={"X-Requested-With": "XMLHttpRequest"}).json()
    challenge: str = begun["request_options"]["publicKey"]["challenge"]
    return challenge

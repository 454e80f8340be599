"""Some hashes of passwords at once, and no more."""

from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, identify_hasher
from django.db import connection

from crm.authentication import hashing


def test_hash_is_what_django_stores() -> None:
    stored = hashing.Hasher().encode("correct horse", hashing.Hasher().salt())
    assert identify_hasher(stored).algorithm == "bcrypt_sha256"
    assert check_password("correct horse", stored)
    assert not check_password("wrong horse", stored)


def test_who_waits_too_long_for_others_is_told_so(settings: Any) -> None:
    settings.PASSWORD_HASH_PATIENCE = 0.01
    for _place in range(hashing.AT_ONCE):
        assert hashing._places.acquire(timeout=60)
    try:
        with pytest.raises(hashing.TooManyHashes):
            hashing.Hasher().encode("correct horse", hashing.Hasher().salt())
    finally:
        for _place in range(hashing.AT_ONCE):
            hashing._places.release()


@pytest.mark.django_db(transaction=True)
def test_connection_is_given_back_while_a_password_is_hashed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection.ensure_connection()
    held = []

    def look(*_arguments: Any) -> str:
        held.append(connection.connection)
        return "hash"

    monkeypatch.setattr(hashing.BCryptSHA256PasswordHasher, "encode", look)
    hashing.Hasher().encode("correct horse", "salt")
    assert held == [None]

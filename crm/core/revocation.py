"""Revocation of access: an app that holds credentials registers how they end.

It is called in the transaction that takes the access away, so that both happen or neither does.
"""

from typing import Protocol
from uuid import UUID


class Revoker(Protocol):
    def __call__(self, *, organization_id: UUID, user_id: UUID | None) -> None:
        """End what gives a user, or with None everybody, access to an organization by itself."""


_revokers: list[Revoker] = []


def register_revoker(revoker: Revoker) -> None:
    _revokers.append(revoker)


def revoke_access(*, organization_id: UUID, user_id: UUID | None = None) -> None:
    """End the access of a user, or of everybody, to an organization."""
    for revoker in _revokers:
        revoker(organization_id=organization_id, user_id=user_id)

"""Principals: who acts in an organization. Members and operators are those of crm.organizations."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

from crm.core.permissions.rights import READ, Action, Level, Module, Rights

NOBODY: frozenset[UUID] = frozenset()


# The kind by which `find_principal` looks an impersonated member up again, by the impersonation.
IMPERSONATED = "impersonated"


class ImpersonationLike(Protocol):
    """An operator's impersonation of a member, as far as apps below know of it."""

    @property
    def pk(self) -> UUID: ...

    @property
    def operator_id(self) -> UUID: ...


class Principal:
    """The interface of the requester for `visible_to`, services, pages, API and sockets.

    ``user_id`` and ``user`` are None for an API key: it owns no record and has no team, so that
    only the level ``all`` gives it records. ``actor_id`` and ``actor_name`` are used in logs and as
    senders of messages. ``colleague_ids`` share a team with this user; ``led_ids`` are in a team
    that this user leads.
    """

    # By which `find_principal` looks it up again.
    kind: ClassVar[str]

    organization_id: UUID
    user_id: UUID | None = None
    # Set where an operator sees the application as this member.
    impersonation: ImpersonationLike | None = None

    @property
    def rights(self) -> Rights:
        raise NotImplementedError

    @property
    def is_owner(self) -> bool:
        return False

    @property
    def user(self) -> AbstractBaseUser | None:
        return None

    @property
    def actor_id(self) -> str:
        return str(self.user_id)

    @property
    def actor_name(self) -> str:
        return ""

    @property
    def colleague_ids(self) -> Set[UUID]:
        return NOBODY

    @property
    def led_ids(self) -> Set[UUID]:
        return NOBODY

    def check_second_factor(self) -> None:
        """Raise SecondFactorMissing where the organization requires one that the user lacks."""

    def level(self, area: Module, action: Action = READ) -> Level:
        return self.rights.level(area, action)

    def may(self, area: Module, action: Action = READ, at_least: Level = Level.OWN) -> bool:
        """Return whether the permission's level is at least ``at_least``; by default, any level."""
        return self.level(area, action) >= at_least


@dataclass(frozen=True, slots=True)
class ApiKeyPrincipal(Principal):
    """An API key of an organization: its permissions are its scopes."""

    kind: ClassVar[str] = "key"

    organization_id: UUID
    granted: Rights
    key_id: str
    name: str = ""

    @property
    def rights(self) -> Rights:
        return self.granted

    @property
    def actor_id(self) -> str:
        return f"key:{self.key_id}"

    @property
    def actor_name(self) -> str:
        return self.name


Lookup = Callable[[UUID, UUID, datetime], Principal | None]
_lookups: dict[str, Lookup] = {}


def register_lookup(kind: str, lookup: Lookup) -> None:
    """Register ``lookup(organization_id, identity, granted_at)`` of a kind of principals;
    ``identity`` is the id of the user, key or impersonation. It returns None for those who have no
    access now, and for those who were without it at some time after ``granted_at``.
    """
    _lookups[kind] = lookup


def find_principal(
    kind: str, *, organization_id: UUID, identity: UUID, granted_at: datetime
) -> Principal | None:
    """Return a principal with its present rights, None if it is unknown or has no access.

    What it asked for at ``granted_at`` is void if its access ended since, also if it was restored.
    """
    lookup = _lookups.get(kind)
    return lookup(organization_id, identity, granted_at) if lookup else None

"""Principals: who acts in an organization. Members and operators are those of crm.organizations."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

from crm.core.permissions.rights import ALL_RIGHTS, READ, Action, Level, Module, Rights

NOBODY: frozenset[UUID] = frozenset()


# The kind with which `find_principal` looks up an impersonated member, by impersonation id.
IMPERSONATED = "impersonated"


class ImpersonationLike(Protocol):
    """The part of an impersonation (crm.authentication) that lower layers use."""

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

    # The kind that `find_principal` looks it up with.
    kind: ClassVar[str]

    organization_id: UUID
    user_id: UUID | None = None
    # Set if an operator impersonates this member.
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


@dataclass(frozen=True, slots=True)
class SystemPrincipal(Principal):
    """The installation itself, in one organization: commands, the demo, its operators.

    It has every permission, owns no record, and is not limited by the plan.
    """

    kind: ClassVar[str] = "system"

    organization_id: UUID

    @property
    def rights(self) -> Rights:
        return ALL_RIGHTS

    @property
    def actor_id(self) -> str:
        return self.kind


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
    """Return a principal with its current permissions; None if it is unknown or has no access.

    None too if its access ended at any time since ``granted_at``, even if it was restored.
    """
    lookup = _lookups.get(kind)
    return lookup(organization_id, identity, granted_at) if lookup else None

"""Principals: who acts in an organization. Members and operators are those of crm.organizations."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

from crm.core.permissions.rights import READ, Action, Level, Module, Rights

NOBODY: frozenset[UUID] = frozenset()


class Principal:
    """The interface of the requester for `visible_to`, services, pages, API and sockets.

    ``user_id`` and ``user`` are None for an API key: it owns no record and has no team, so that
    only the level ``all`` gives it records. ``actor_id`` and ``actor_name`` are used in logs and as
    senders of messages. ``colleague_ids`` share a team with this user; ``led_ids`` are in a team
    that this user leads.
    """

    organization_id: UUID
    user_id: UUID | None = None

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


Lookup = Callable[[UUID, UUID], ApiKeyPrincipal | None]
_lookups: list[Lookup] = []


def register_key_lookup(lookup: Lookup) -> None:
    """Register ``lookup(organization_id, key_id)``, which returns the principal of a valid key."""
    _lookups.append(lookup)


def principal_of_key(*, organization_id: UUID, key_id: UUID) -> ApiKeyPrincipal | None:
    """Return the present principal of a key, None if it is revoked, expired or unknown."""
    found = (lookup(organization_id, key_id) for lookup in _lookups)
    return next((principal for principal in found if principal is not None), None)

"""Services of custom roles, and of members' roles."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import translation

from crm.core import quotas, realtime
from crm.core.permissions import Principal, Rights, require_grant
from crm.core.text.folding import is_taken
from crm.core.undo.services import UndoImpossible, record_undoable, register_undo, restore, snapshot
from crm.core.versions import check_version
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.errors import (
    MemberNotFound,
    OwnersOnly,
    RoleInUse,
    RoleNameTaken,
    RoleNotFound,
    TooManyRoles,
)
from crm.organizations.models import CustomRole, Language, Membership, Role
from crm.organizations.services.guards import enter_settings, keep_an_owner
from crm.organizations.services.teams import require_reach_of_seated

logger = logging.getLogger(__name__)

MAX_ROLES = 50


@dataclass(frozen=True, slots=True)
class ChosenRole:
    """A role as assigned to a member: a built-in one, or a custom one."""

    role: Role
    custom_role: CustomRole | None = None

    @property
    def rights(self) -> Rights:
        return self.custom_role.rights if self.custom_role else BUILT_IN[self.role]

    @property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER


def chosen_role(*, organization_id: UUID, key: str) -> ChosenRole:
    """Return the role of a key: a built-in role's value, or the id of a custom role."""
    if key in Role.values:
        return ChosenRole(Role(key))
    try:
        custom = CustomRole.objects.of(organization_id).get(pk=UUID(key))
    except (ValueError, CustomRole.DoesNotExist):
        raise RoleNotFound from None
    return ChosenRole(Role(custom.base), custom)


def require_may_give(by: Principal, chosen: ChosenRole) -> None:
    """Raise if the role includes more permissions than one has; only owners grant ownership."""
    if chosen.is_owner and not by.is_owner:
        raise OwnersOnly
    require_grant(by, chosen.rights)


def grantable_roles(by: Principal) -> list[tuple[str, str]]:
    """Return ``(key, name)`` of the roles that a principal may grant, built-in ones first."""
    choices = [
        (str(role), str(role.label))
        for role in Role
        if (role != Role.OWNER or by.is_owner) and by.rights.covers(BUILT_IN[role])
    ]
    custom = CustomRole.objects.of(by.organization_id).by_name()[:MAX_ROLES]
    return choices + [(str(role.pk), role.name) for role in custom if by.rights.covers(role.rights)]


@transaction.atomic
def change_role(
    *, by: Principal, membership_id: UUID, key: str, version: int | None = None
) -> Membership:
    """Change a member's role; ``key`` as in `chosen_role`. Their open sockets are notified.

    ``version`` is the version of the membership that the edit was made from. Raise EditedMeanwhile.
    """
    by = enter_settings(by)
    membership = _locked_member(by.organization_id, membership_id)
    check_version(membership, version)
    chosen = chosen_role(organization_id=by.organization_id, key=key)
    if membership.is_owner and not by.is_owner:
        raise OwnersOnly
    # Neither up beyond one's own rights, nor down from beyond them.
    require_grant(by, membership.rights)
    require_may_give(by, chosen)
    require_reach_of_seated(by, [membership.pk], before=membership.rights, after=chosen.rights)
    if membership.is_owner and not chosen.is_owner:
        keep_an_owner(membership)
    membership.role, membership.custom_role = chosen.role, chosen.custom_role
    membership.save(update_fields=["role", "custom_role", "updated_at"])
    _tell_rights_changed([membership.user_id])
    logger.info(
        "A member got another role.",
        extra={
            "metadata": {
                "action": "organizations.change_role",
                "by": by.actor_id,
                "membership": str(membership.pk),
                "role": key,
            }
        },
    )
    return membership


@transaction.atomic
def create_role(*, by: Principal, name: str, copied_from: str) -> CustomRole:
    """Copy a role under a new name; ``copied_from`` as in `chosen_role`, except the owner's."""
    by = enter_settings(by)
    source = chosen_role(organization_id=by.organization_id, key=copied_from)
    if source.is_owner:
        raise OwnersOnly
    require_grant(by, source.rights)
    _require_room(by.organization_id)
    role = CustomRole(
        organization_id=by.organization_id,
        name=name,
        base=source.role,
        grants=source.rights.stored(),
    )
    _save(role)
    return role


@transaction.atomic
def edit_role(
    *, by: Principal, role_id: UUID, version: int | None, name: str, rights: Rights
) -> CustomRole:
    """Change a role's name and permissions; ``version`` is the one the edit was made from."""
    by = enter_settings(by)
    role = _locked_role(by.organization_id, role_id)
    check_version(role, version)
    require_grant(by, role.rights)
    require_grant(by, rights)
    if (role.name, role.rights) == (name, rights):
        return role
    has_new_rights = role.rights != rights
    having = list(role.memberships.values_list("pk", flat=True))
    require_reach_of_seated(by, having, before=role.rights, after=rights)
    role.name, role.grants = name, rights.stored()
    _save(role, update_fields=["name", "grants", "updated_at"])
    if has_new_rights:
        _tell_rights_changed(role.memberships.values_list("user_id", flat=True))
    return role


@transaction.atomic
def delete_role(*, by: Principal, role_id: UUID, version: int | None = None) -> UUID | None:
    """Delete a role without members; return the id for `undo`. Raise EditedMeanwhile."""
    by = enter_settings(by)
    role = _locked_role(by.organization_id, role_id)
    check_version(role, version)
    require_grant(by, role.rights)
    if role.memberships.exists():
        raise RoleInUse
    action_id = record_undoable(by=by, kind="role", data=snapshot(role))
    role.delete()
    return action_id


def _restore_role(by: Principal, data: dict[str, Any]) -> None:
    by = enter_settings(by)
    _require_room(by.organization_id)
    restore(data)
    role = _locked_role(by.organization_id, UUID(data["pk"]))
    require_grant(by, role.rights)
    if _is_name_taken(role):
        raise UndoImpossible


register_undo("role", _restore_role)


def _require_room(organization_id: UUID) -> None:
    """Raise FeatureNotInPlan or TooManyRoles if the organization cannot have another role."""
    quotas.require_feature("custom_roles", organization_id=organization_id)
    if CustomRole.objects.of(organization_id).count() >= MAX_ROLES:
        raise TooManyRoles


def _locked_member(organization_id: UUID, membership_id: UUID) -> Membership:
    try:
        return (
            Membership.objects.in_organization(organization_id)
            .select_related("custom_role", "user")
            .select_for_update(of=("self",))
            .get(pk=membership_id)
        )
    except Membership.DoesNotExist:
        raise MemberNotFound from None


def _locked_role(organization_id: UUID, role_id: UUID) -> CustomRole:
    try:
        return CustomRole.objects.of(organization_id).select_for_update().get(pk=role_id)
    except CustomRole.DoesNotExist:
        raise RoleNotFound from None


def _is_name_taken(role: CustomRole) -> bool:
    """Return whether another role has this name; requires the lock of `enter_settings`.

    The database constraint is less strict about equality.
    """
    others = CustomRole.objects.of(role.organization_id).exclude(pk=role.pk)
    return is_taken(role.name, [*others.values_list("name", flat=True), *_built_in_names()])


def _built_in_names() -> list[str]:
    """Return the keys and the translated names of the built-in roles, in all languages."""
    names: list[str] = list(Role.values)
    for language in Language.values:
        with translation.override(language):
            names += map(str, Role.labels)
    return names


def _save(role: CustomRole, update_fields: list[str] | None = None) -> None:
    if _is_name_taken(role):
        raise RoleNameTaken
    try:
        with transaction.atomic():
            role.save(update_fields=update_fields)
    except IntegrityError as taken:
        raise RoleNameTaken from taken


def _tell_rights_changed(user_ids: Iterable[UUID]) -> None:
    people = list(user_ids)
    transaction.on_commit(lambda: realtime.recheck_sockets(people), robust=True)

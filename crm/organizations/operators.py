"""Operators of the installation as principals of an organization; principals looked up again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest

from crm.core.permissions import Principal, Rights
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.models import Membership, Role, User
from crm.organizations.models.membership import admits


@dataclass(frozen=True, slots=True)
class Operator(Principal):
    """An operator who works in an organization without a membership, through its services."""

    kind: ClassVar[str] = "operator"

    organization_id: UUID
    operator: User
    granted: Rights

    @property
    def rights(self) -> Rights:
        return self.granted

    @property
    def is_owner(self) -> bool:
        return True

    @property
    def user(self) -> User:
        return self.operator

    @property
    def user_id(self) -> UUID:  # type: ignore[override]  # a class's own value, which slots forbid
        return self.operator.pk

    @property
    def actor_name(self) -> str:
        return self.operator.name


def operator_principal(request: HttpRequest, organization_id: Any) -> Operator:
    """Return the operator of a request as a principal with an owner's permissions."""
    user: Any = request.user
    return Operator(organization_id=organization_id, operator=user, granted=BUILT_IN[Role.OWNER])


def find_member(organization_id: UUID, user_id: UUID, granted_at: datetime) -> Membership | None:
    """Return a user's membership with its present permissions, if it lasted since then."""
    found = Membership.objects.admitting(granted_at).with_rights()
    return found.filter(organization_id=organization_id, user_id=user_id).first()


def find_operator(organization_id: UUID, user_id: UUID, granted_at: datetime) -> Operator | None:
    """Return an operator who still is one. The organization may be switched off."""
    operators = User.objects.filter(admits(granted_at, ""), is_active=True, is_staff=True)
    user = operators.filter(pk=user_id).first()
    if user is None:
        return None
    return Operator(organization_id=organization_id, operator=user, granted=BUILT_IN[Role.OWNER])

"""Operators of the installation as principals of an organization."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from crm.core.permissions import Principal, Rights
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.models import Role, User


@dataclass(frozen=True, slots=True)
class Operator(Principal):
    """An operator who works in an organization without a membership, through its services."""

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

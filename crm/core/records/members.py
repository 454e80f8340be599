"""Members of an organization as the owners of rows: members are not known here."""

from typing import Any, Protocol
from uuid import UUID

from django.db.models import QuerySet

from crm.core.permissions import Module


class MemberDirectory(Protocol):
    """Returns users, with ``shown_name`` and ``shown_email`` as the organization knows them."""

    def known(self, organization_id: UUID) -> QuerySet[Any]:
        """Return who is or was a member."""

    def readers(self, organization_id: UUID, area: Module) -> QuerySet[Any]:
        """Return the active members with any permission to read an area."""


_directories: list[MemberDirectory] = []


def set_member_directory(directory: MemberDirectory) -> None:
    _directories[:] = [directory]


def member_directory() -> MemberDirectory:
    return _directories[0]

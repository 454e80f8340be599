"""The base class of API views of an area."""

from typing import Any, ClassVar

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from crm.core.permissions import READ, WRITE, Module, Principal, require
from crm.core.permissions.requests import principal_of


class IsMember(BasePermission):
    """Require authentication and a principal in an organization."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        principal_of(request)
        return True


class ModuleView(APIView):
    """An API view of an area: reading requires its read permission, changing its write permission.

    ``area_to_read`` is the area of what everybody of another area may read. ``visible_to`` and the
    services check the permission's level.
    """

    permission_classes = [IsMember]
    area: ClassVar[Module]
    area_to_read: ClassVar[Module | None] = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in SAFE_METHODS:
            require(self.principal, self.area_to_read or self.area, READ)
        else:
            require(self.principal, self.area, WRITE)

    @property
    def principal(self) -> Principal:
        return principal_of(self.request)

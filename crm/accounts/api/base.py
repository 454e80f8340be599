"""Base classes of API views."""

from typing import Any, ClassVar

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from crm.accounts.access import IsMember, membership_of
from crm.accounts.permissions import READ, WRITE, Module, Principal, require


class ModuleView(APIView):
    """An API view of an area: reading requires its read permission, changing its write permission.

    ``visible_to`` and the services check the permission's level.
    """

    permission_classes = [IsMember]
    area: ClassVar[Module]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require(self.principal, self.area, READ if request.method in SAFE_METHODS else WRITE)

    @property
    def principal(self) -> Principal:
        return membership_of(self.request)

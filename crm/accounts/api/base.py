"""What every view of the API starts from."""

from typing import Any, ClassVar

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from crm.accounts.access import IsMember, membership_of
from crm.accounts.permissions import READ, WRITE, Area, Principal, require


class AreaView(APIView):
    """A part of the API: to read it takes the right to read its area, to change it that to write.

    How far the right reaches is asked again by ``visible_to`` and by the services.
    """

    permission_classes = [IsMember]
    area: ClassVar[Area]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require(self.principal, self.area, READ if request.method in SAFE_METHODS else WRITE)

    @property
    def principal(self) -> Principal:
        return membership_of(self.request)

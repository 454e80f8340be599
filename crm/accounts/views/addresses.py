"""The page of the address one logs in with."""

from typing import Any

from allauth.account.views import EmailView
from django.http import HttpRequest, HttpResponseBase

from crm.accounts.entrance.stages import vouch_for_address
from crm.accounts.models import User


class AddressView(EmailView):
    """allauth's, which would take the address of an account without any row for unproved."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if isinstance(request.user, User):
            vouch_for_address(request.user)
        return super().dispatch(request, *args, **kwargs)

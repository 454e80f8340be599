"""The principal of a request: every page and API view of an organization runs as one."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from rest_framework.request import Request

from crm.core.permissions.errors import NoOrganization, SecondFactorMissing
from crm.core.permissions.principals import Principal

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def principal_of(request: HttpRequest | Request) -> Principal:
    """Return the principal that the request runs as, which middleware or authentication set.

    Raise NoOrganization or SecondFactorMissing.
    """
    principal = getattr(request, "membership", None)
    if not principal:
        raise NoOrganization
    principal.check_second_factor()
    return cast(Principal, principal)


def member_required(view: View[P]) -> View[P]:
    """Require a log-in and a membership.

    Redirect to the log-in, or to the page that explains what is missing.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            principal_of(request)
        except NoOrganization:
            return redirect(settings.NO_ORGANIZATION_URL)
        except SecondFactorMissing:
            # Checked before the view runs; the page explains what is missing.
            return redirect(settings.SECOND_FACTOR_URL)
        return view(request, *args, **kwargs)

    return login_required(checked)

"""Context processors: the impersonation, and the ways to log in."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm.authentication.impersonation import impersonated_by
from crm.organizations.models import Membership


def impersonation(request: HttpRequest) -> dict[str, Any]:
    """Return the impersonation shown on each page; none in the operator's own pages."""
    if not hasattr(request, "user"):
        return {}
    return {"impersonated": SimpleLazyObject(lambda: _impersonated(request))}


def providers(request: HttpRequest) -> dict[str, Any]:
    """Return whether log-in by an external provider is configured."""
    return {"has_providers": bool(settings.OAUTH_PROVIDERS)}


def _impersonated(request: HttpRequest) -> Membership | None:
    return impersonated_by(request) if request.user.is_authenticated else None

"""Authentication of API requests: an API key, an access token, or a browser's session.

Each sets a principal as ``request.membership``, so that views do not depend on the method. Keys and
tokens are accepted in the Authorization header only.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rest_framework import authentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from crm.authentication.errors import AuthorizationTooLong, AuthorizationUnusable, CredentialsInUrl
from crm.authentication.impersonation import impersonated_by
from crm.authentication.principals import authenticate_access_token, authenticate_api_key
from crm.authentication.services.api_keys import MARK
from crm.authentication.services.sessions import RECORD_KEY
from crm.core import tenancy
from crm.core.form_guard.stamps import check_person, stamp_of_headers
from crm.core.permissions import ApiKeyPrincipal
from crm.organizations.access import check_organization
from crm.organizations.models import User

LONGEST = 4096
_BEARER = "bearer"
_IN_URL_NAMES = frozenset({"api_key", "apikey", "access_token", "refresh_token", "authorization"})
_IN_URL_STARTS = (MARK, "nfr_", "nfv_")


@dataclass(frozen=True, slots=True)
class Credential:
    """The credential of a request; ``login`` is the id of the session or token family."""

    api_key_id: UUID | None = None
    login: str = ""


class MachineUser:
    """The user of a request that is authenticated by an API key; no person."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False
    is_superuser = False
    pk = None
    id = None

    def __init__(self, machine: ApiKeyPrincipal) -> None:
        self.machine = machine

    def __str__(self) -> str:
        return self.machine.actor_id


class BearerAuthentication(authentication.BaseAuthentication):
    """Base of the two kinds of ``Authorization: Bearer …``."""

    def authenticate(self, request: Request) -> tuple[Any, Credential] | None:
        text = bearer_of(request)
        if text is None or not self.is_mine(text):
            return None
        return self.authenticate_bearer(request, text)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def is_mine(self, text: str) -> bool:
        raise NotImplementedError

    def authenticate_bearer(self, request: Request, text: str) -> tuple[Any, Credential]:
        raise NotImplementedError


class ApiKeyAuthentication(BearerAuthentication):
    """An organization's API key: acts for the organization, within its scopes, not as a user."""

    def is_mine(self, text: str) -> bool:
        return text.startswith("nf_")

    def authenticate_bearer(self, request: Request, text: str) -> tuple[Any, Credential]:
        machine = authenticate_api_key(text)
        tenancy.enter(machine.organization_id)
        request._request.membership = machine  # type: ignore[attr-defined]
        return MachineUser(machine), Credential(api_key_id=UUID(machine.key_id))


class AccessTokenAuthentication(BearerAuthentication):
    """An access token of a program that acts for a user; every bearer that is no key."""

    def is_mine(self, text: str) -> bool:
        return not text.startswith(("nf_", "nfv_"))

    def authenticate_bearer(self, request: Request, text: str) -> tuple[Any, Credential]:
        access = authenticate_access_token(text)
        tenancy.enter(access.membership.organization_id)
        request._request.membership = access.membership  # type: ignore[attr-defined]
        return access.membership.user, Credential(login=access.login)


class SessionAuthentication(authentication.SessionAuthentication):
    """The session of our own pages; changes require the CSRF token.

    Pages send the organization and user that they were rendered for in headers.
    """

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        stamp = stamp_of_headers(request._request)
        check_person(found[0], stamp)
        check_organization(
            getattr(request._request, "membership", None) or None,
            stamp,
            is_change=request.method not in SAFE_METHODS,
        )
        impersonated = impersonated_by(request._request)
        if impersonated is not None and impersonated.impersonation is not None:
            return found[0], Credential(login=str(impersonated.impersonation.pk))
        return found[0], Credential(login=request.session.get(RECORD_KEY, ""))


def bearer_of(request: Request) -> str | None:
    """Return the token of the Authorization header, None where there is none.

    Other schemes are ignored: a proxy may use Basic authentication.
    """
    _refuse_in_url(request)
    header = request.headers.get("Authorization", "")
    if len(header) > LONGEST:
        raise AuthorizationTooLong
    scheme, _space, text = header.partition(" ")
    if scheme.lower() != _BEARER:
        return None
    text = text.strip()
    # Two headers arrive as one with a comma.
    if not text or not text.isascii() or any(character in text for character in " ,\t"):
        raise AuthorizationUnusable
    return text


def _refuse_in_url(request: Request) -> None:
    for name, values in request.query_params.lists():
        if name.lower() in _IN_URL_NAMES or any(
            str(value).startswith(_IN_URL_STARTS) for value in values
        ):
            raise CredentialsInUrl

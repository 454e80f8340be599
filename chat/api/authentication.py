"""Authentication of the stream API: visitor tokens, sessions, access tokens and API keys."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from chat.authentication import bearer_token, visitor_of_token
from chat.participants import Agent, Viewer, Visitor
from crm.authentication import access_tokens
from crm.authentication.api.authentication import (
    AccessTokenAuthentication,
    ApiKeyAuthentication,
    SessionAuthentication,
)
from crm.authentication.services.api_keys import MARK
from crm.core import ratelimit, tenancy
from crm.core.errors import NotAuthenticated
from crm.organizations.access import membership_of


class VisitorAuthentication(BaseAuthentication):
    """``Authorization: Bearer <visitor token>``: no cookie, hence no CSRF."""

    def authenticate(self, request: Request) -> tuple[Any, Visitor] | None:
        token = bearer_token(request.headers.get("Authorization"))
        if token is None or token.startswith(MARK) or access_tokens.looks_like_one(token):
            return None
        visitor = visitor_of_token(token).at(ratelimit.client_address(request._request))
        tenancy.enter(visitor.organization_id)
        return AnonymousUser(), visitor

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


STREAM_AUTHENTICATION = [
    VisitorAuthentication,
    ApiKeyAuthentication,
    AccessTokenAuthentication,
    SessionAuthentication,
]
AGENT_AUTHENTICATION = [AccessTokenAuthentication, SessionAuthentication]


def visitor_of_request(request: Request) -> Visitor:
    if not isinstance(request.auth, Visitor):
        raise NotAuthenticated
    return request.auth


def agent_of_request(request: Request) -> Agent:
    if not request.user.is_authenticated:
        raise NotAuthenticated
    membership = membership_of(request)
    # A key's principal is no member.
    impersonation = getattr(membership, "impersonation", None)
    return Agent(
        membership=membership,
        login=getattr(request.auth, "login", ""),
        operator_id=impersonation.operator_id if impersonation else None,
    )


def viewer_of_request(request: Request) -> Viewer:
    return request.auth if isinstance(request.auth, Visitor) else agent_of_request(request)

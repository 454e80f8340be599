"""Two ways into the streams' API: a visitor's token, or the session of one of our people."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from chat.logins import bearer_token
from chat.services.visitors import visitor_of
from chat.viewers import Agent, Viewer, Visitor
from config.errors import NotAuthenticated
from crm.accounts.access import membership_of
from crm.accounts.services.sessions import RECORD_KEY


class VisitorAuthentication(BaseAuthentication):
    """``Authorization: Bearer <visitor token>``: no cookie, hence no CSRF."""

    def authenticate(self, request: Request) -> tuple[Any, Visitor] | None:
        token = bearer_token(request.headers.get("Authorization"))
        if token is None:
            return None
        return AnonymousUser(), Visitor.of(visitor_of(token))

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


STREAM_AUTHENTICATION = [VisitorAuthentication, SessionAuthentication]


def visitor_of_request(request: Request) -> Visitor:
    if not isinstance(request.auth, Visitor):
        raise NotAuthenticated
    return request.auth


def agent_of_request(request: Request) -> Agent:
    if not request.user.is_authenticated:
        raise NotAuthenticated
    return Agent(membership=membership_of(request), login=request.session.get(RECORD_KEY, ""))


def viewer_of_request(request: Request) -> Viewer:
    return request.auth if isinstance(request.auth, Visitor) else agent_of_request(request)

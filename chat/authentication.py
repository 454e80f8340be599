"""Authentication without Django's middleware: by token, session cookie or ticket."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import cast
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from chat.participants import Agent, Viewer, Visitor
from chat.services.visitors import authenticate_visitor_token, hash_of, renew_visit
from crm.authentication import access_tokens
from crm.authentication.errors import AccessEnded
from crm.authentication.principals import (
    Access,
    authenticate_access_token,
    authenticate_api_key,
    authenticate_session,
    authenticate_ticket,
)
from crm.authentication.services.api_keys import MARK
from crm.authentication.services.sessions import session_of_key
from crm.core.errors import NotAuthenticated
from crm.core.memo import Remembered
from crm.organizations.models import Membership

_BEARER = "bearer "
_visitors: Remembered[Visitor] = Remembered()


def bearer_token(authorization: str | None) -> str | None:
    """Return the bearer token of an Authorization header, None where there is none."""
    if authorization is None or not authorization.lower().startswith(_BEARER):
        return None
    return authorization[len(_BEARER) :].strip()


def viewer_of(*, authorization: str | None, cookie: str | None) -> Viewer:
    """Authenticate by the bearer token, else by the session: a visitor, an API key or a member.

    Raise an AppError if that fails.
    """
    if (token := bearer_token(authorization)) is not None:
        if token.startswith(MARK):
            # Typed as `membership_of` types it.
            return Agent(membership=cast(Membership, authenticate_api_key(token)))
        if access_tokens.looks_like_one(token):
            return _agent(authenticate_access_token(token))
        return visitor_of_token(token)
    try:
        return agent_of_cookie(cookie)
    except AccessEnded:
        raise NotAuthenticated from None


def visitor_of_token(token: str) -> Visitor:
    """Return the visitor of a token. Raise VisitorUnknown."""

    def ask() -> tuple[Visitor, float]:
        record = authenticate_visitor_token(token)
        return Visitor.of(record), (record.expires_at - timezone.now()).total_seconds()

    return _visitors.find(hash_of(token), ask)


def agent_of_cookie(cookie: str | None) -> Agent:
    """Authenticate by the session cookie, as Django does. Raise AccessEnded,
    SecondFactorMissing.
    """
    try:
        morsel = SimpleCookie(cookie or "").get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        morsel = None
    if morsel is None:
        raise AccessEnded
    request = session_of_key(morsel.value)
    return _agent(authenticate_session(request.session, request.user))


def agent_of_claims(claims: Mapping[str, str]) -> Agent:
    """Return the agent that a ticket was issued to, if still a member. Raise AccessEnded."""
    return _agent(
        authenticate_ticket(
            organization_id=UUID(claims["organization"]),
            membership_id=UUID(claims["membership"]),
            login=claims["login"],
        )
    )


def visitor_of_claims(claims: Mapping[str, str]) -> Visitor:
    """Return the visitor that a ticket was issued to, if their token is valid. Raise
    AccessEnded.
    """
    record = renew_visit(
        organization_id=UUID(claims["organization"]), token_id=UUID(claims["token"])
    )
    return Visitor.of(record, claims["language"])


def _agent(access: Access) -> Agent:
    return Agent(membership=access.membership, login=access.login, operator_id=access.operator_id)

"""Who comes in without Django's middleware: by a visitor's token or by the session cookie."""

from http.cookies import CookieError, SimpleCookie
from typing import Any, cast
from uuid import UUID

from django.conf import settings

from chat.errors import AccessEnded
from chat.services.visitors import visitor_of
from chat.viewers import Agent, Viewer, Visitor
from config import tenancy
from config.errors import NotAuthenticated
from crm.accounts import access_tokens
from crm.accounts.api_key_text import MARK
from crm.accounts.authentication import machine_of_key, member_of_token
from crm.accounts.errors import SecondFactorMissing
from crm.accounts.models import Membership, User
from crm.accounts.second_factor import check_rule
from crm.accounts.services import SESSION_KEY, current_membership
from crm.accounts.services.impersonating import impersonated_membership
from crm.accounts.services.sessions import RECORD_KEY, live_logins, session_of_key

_BEARER = "bearer "


def bearer_token(authorization: str | None) -> str | None:
    """Give the token of an Authorization header, None where there is none."""
    if authorization is None or not authorization.lower().startswith(_BEARER):
        return None
    return authorization[len(_BEARER) :].strip()


def viewer_of(*, authorization: str | None, cookie: str | None) -> Viewer:
    """Give a visitor, a key or one of our people by their token, else by the session, or refuse."""
    if (token := bearer_token(authorization)) is not None:
        if token.startswith(MARK):
            # Typed as `membership_of` types it.
            return Agent(membership=cast(Membership, machine_of_key(token)))
        if access_tokens.looks_like_one(token):
            membership, login = member_of_token(token)
            return Agent(membership=membership, login=login)
        return Visitor.of(visitor_of(token))
    try:
        return agent_of_cookie(cookie)
    except AccessEnded:
        raise NotAuthenticated from None


def agent_of_cookie(cookie: str | None) -> Agent:
    """Log in as Django does, by the session cookie."""
    try:
        morsel = SimpleCookie(cookie or "").get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        morsel = None
    if morsel is None:
        raise AccessEnded
    request = session_of_key(morsel.value)
    user, login = request.user, request.session.get(RECORD_KEY, "")
    if not isinstance(user, User) or not login:
        raise AccessEnded
    with tenancy.person(user.pk):
        is_live = bool(live_logins([login]))
    if not is_live:
        raise AccessEnded
    impersonated, is_over = impersonated_membership(
        session=request.session, operator=user, login=login
    )
    if is_over:
        raise AccessEnded
    if impersonated is not None and impersonated.impersonation is not None:
        # Known by the impersonation from here on: it ends by itself, and with the session.
        return Agent(
            membership=impersonated,
            login=str(impersonated.impersonation.pk),
            operator_id=user.pk,
        )
    membership = current_membership(user=user, organization_id=request.session.get(SESSION_KEY))
    if membership is None:
        raise AccessEnded
    try:
        check_rule(membership)
    except SecondFactorMissing:
        raise AccessEnded from None
    return Agent(membership=membership, login=login)


def agent_of_claims(claims: dict[str, Any]) -> Agent:
    """Give the agent whom a ticket was issued to, if they still belong here."""
    with tenancy.organization(UUID(claims["organization"])):
        membership = (
            Membership.objects.active().with_rights().filter(pk=claims["membership"]).first()
        )
        is_live = membership is not None and bool(live_logins([claims["login"]]))
    if membership is None or not is_live:
        raise AccessEnded
    operator = claims.get("operator")
    return Agent(
        membership=membership,
        login=claims["login"],
        operator_id=UUID(operator) if operator else None,
    )

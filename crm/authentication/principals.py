"""Turn a credential into a principal; sockets, API and pages all use this module.

For every credential (session, access or refresh token, ticket, API key) the same is checked: user,
membership and organization are active, the log-in or key is valid and newer than the last
revocation, and the organization's second-factor rule is met.
"""

import copy
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import F
from django.utils import timezone

from crm.authentication import access_tokens
from crm.authentication.errors import AccessEnded, AccessTokenRevoked, RefreshTokenInvalid
from crm.authentication.models import ApiKey, Impersonation, TokenFamily, UserSession
from crm.authentication.models.session import USE_NOTED_EVERY
from crm.authentication.services.api_keys import key_of_text, machine_of_key
from crm.authentication.services.impersonation import impersonated_membership, may_impersonate
from crm.authentication.services.sessions import (
    BEGUN_KEY,
    RECORD_KEY,
    follow_membership,
    runs_as_recorded,
)
from crm.core import tenancy
from crm.core.admin.site import is_session_idle
from crm.core.permissions import ApiKeyPrincipal
from crm.organizations.models import Membership, User
from crm.organizations.models.membership import admits
from crm.organizations.services.members import SESSION_KEY, current_membership


@dataclass(frozen=True, slots=True)
class Access:
    """A membership and its log-in: the id of a session, token family or impersonation.

    ``operator_id`` is the operator who impersonates the member.
    """

    membership: Membership
    login: str
    operator_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LiveLogin:
    """A valid log-in, and the time from which it is valid.

    ``organization_id`` is the one whose rules it lasts by, where it can run as several.
    """

    granted_at: datetime
    impersonation: Impersonation | None = None
    organization_id: UUID | None = None


def session_membership(session: SessionBase, user: User) -> Membership | None:
    """Return the membership that a checked session runs as, None without access to any.

    Without the second-factor rule: its pages are where users comply with it. See
    `authenticate_session`.
    """
    membership = current_membership(
        user=user,
        organization_id=session.get(SESSION_KEY),
        granted_at=session_granted_at(session, user),
    )
    if membership is None or not follow_membership(
        session=session, user=user, membership=membership
    ):
        return None
    return membership


def authenticate_session(session: SessionBase, user: object) -> Access:
    """Authenticate by a session. Raise AccessEnded or SecondFactorMissing.

    An impersonation is identified by its own id.
    """
    login = session.get(RECORD_KEY, "")
    if not isinstance(user, User) or not login:
        raise AccessEnded
    with tenancy.person(user.pk):
        live = live_logins([login]).get(login)
    # By which rules it lasts its next page finds out; until then it opens nothing here.
    if live is None or not runs_as_recorded(live.organization_id, session.get(SESSION_KEY)):
        raise AccessEnded
    impersonated, is_over = impersonated_membership(session=session, operator=user, login=login)
    if is_over:
        raise AccessEnded
    if impersonated is not None and impersonated.impersonation is not None:
        if is_session_idle(session):
            raise AccessEnded
        return Access(impersonated, str(impersonated.impersonation.pk), operator_id=user.pk)
    membership = session_membership(session, user)
    if membership is None:
        raise AccessEnded
    membership.check_second_factor()
    return Access(membership, login)


def authenticate_access_token(text: str) -> Access:
    """Authenticate by an access token; one query.

    Raise AccessTokenInvalid, AccessTokenExpired, AccessTokenRevoked or SecondFactorMissing.
    """
    claims = access_tokens.read(text)
    with tenancy.organization(claims.organization_id):
        membership = _member_of_family(claims.family_id, user_id=claims.user_id)
    if membership is None or membership.organization_id != claims.organization_id:
        raise AccessTokenRevoked
    membership.check_second_factor()
    return Access(membership, str(claims.family_id))


def authenticate_refresh(family: TokenFamily) -> Membership:
    """Return the membership of a token family. Raise RefreshTokenInvalid or SecondFactorMissing."""
    membership = _member_of_family(family.pk, user_id=family.user_id)
    if membership is None:
        raise RefreshTokenInvalid
    membership.check_second_factor()
    return membership


def authenticate_api_key(text: str) -> ApiKeyPrincipal:
    """Return the principal of an API key; one query.

    Raise ApiKeyMalformed, ApiKeyInvalid or ApiKeyExpired.
    """
    return machine_of_key(key_of_text(text))


def authenticate_ticket(*, organization_id: UUID, membership_id: UUID, login: str) -> Access:
    """Authenticate by a ticket's claims in two or three queries. Raise AccessEnded."""
    asked = (membership_id, login)
    with tenancy.organization(organization_id):
        found = renew_all([asked]).get(asked)
    if found is None:
        raise AccessEnded
    return found


def renew(access: Access) -> Access:
    """Return the access with current permissions. Raise AccessEnded."""
    asked = (access.membership.pk, access.login)
    found = renew_all([asked]).get(asked)
    if found is None:
        raise AccessEnded
    return found


def renew_machine(machine: ApiKeyPrincipal) -> ApiKeyPrincipal:
    """Return the principal of an API key that is in use, reloaded. Raise AccessEnded."""
    key = (
        ApiKey.objects.of(machine.organization_id)
        .live()
        .filter(pk=machine.key_id, organization__is_active=True)
        .first()
    )
    if key is None:
        raise AccessEnded
    return machine_of_key(key)


def renew_all(
    asked: Collection[tuple[UUID, str]],
) -> dict[tuple[UUID, str], Access]:
    """Reload many of one organization: ``(membership, login)`` to access; ended ones are left out.

    Used by the sockets' heartbeat. Two to four queries, regardless of the number.
    """
    memberships = (
        Membership.objects.active().with_rights().in_bulk({pk for pk, _login in asked})
        if asked
        else {}
    )
    logins = live_logins({login for _pk, login in asked if login})
    found: dict[tuple[UUID, str], Access] = {}
    for pair in asked:
        membership, login = memberships.get(pair[0]), logins.get(pair[1])
        if membership is None or login is None or not membership.admits(login.granted_at):
            continue
        if login.impersonation is None:
            if not runs_as_recorded(login.organization_id, str(membership.organization_id)):
                continue
            if membership.organization.requires_second_factor and not membership.meets_factor_rule:
                continue
            found[pair] = Access(membership, pair[1])
        elif membership.user_id == login.impersonation.user_id:
            # The same person may have a socket of their own.
            impersonated = copy.copy(membership)
            impersonated.impersonation = login.impersonation
            found[pair] = Access(impersonated, pair[1], operator_id=login.impersonation.operator_id)
    return found


def live_logins(logins: Collection[str]) -> dict[str, LiveLogin]:
    """Return the valid ones of these ids of sessions, token families and impersonations."""
    now = timezone.now()
    alive: dict[str, LiveLogin] = {}
    if not logins:
        return alive
    for record in UserSession.objects.live().with_rules().filter(pk__in=logins):
        if record.ends_at() > now:
            alive[str(record.pk)] = LiveLogin(
                record.created_at, organization_id=record.organization_id
            )
    if len(alive) < len(logins):
        families = TokenFamily.objects.live(now).filter(pk__in=logins)
        for pk, created_at in families.values_list("pk", "created_at"):
            alive[str(pk)] = LiveLogin(created_at)
    if len(alive) < len(logins):
        impersonations = Impersonation.objects.live(now).filter(pk__in=logins)
        for impersonation in impersonations.select_related("operator", "user"):
            if _is_operator_there(impersonation, now) and may_impersonate(
                impersonation.operator, impersonation.user
            ):
                alive[str(impersonation.pk)] = LiveLogin(impersonation.started_at, impersonation)
    return alive


def _is_operator_there(impersonation: Impersonation, now: datetime) -> bool:
    """Return whether the operator's session was used recently; an open page alone is no use."""
    with tenancy.person(impersonation.operator_id):
        session = UserSession.objects.live().filter(pk=impersonation.login).first()
    longest = timedelta(minutes=settings.OPERATOR_IDLE_MINUTES) + USE_NOTED_EVERY
    return session is not None and session.last_used_at > now - longest


def find_impersonated(
    organization_id: UUID, impersonation_id: UUID, granted_at: datetime
) -> Membership | None:
    """Return the member whom an operator still impersonates, with its present permissions."""
    login = str(impersonation_id)
    live = live_logins([login]).get(login)
    if live is None or live.impersonation is None:
        return None
    if live.impersonation.organization_id != organization_id:
        return None
    membership = (
        Membership.objects.admitting(granted_at)
        .with_rights()
        .filter(organization_id=organization_id, user_id=live.impersonation.user_id)
        .first()
    )
    if membership is not None:
        membership.impersonation = live.impersonation
    return membership


def session_granted_at(session: SessionBase, user: User) -> datetime:
    """Return when the user logged in to this session."""
    begun = session.get(BEGUN_KEY)
    if begun is None:
        # Begun by a release that did not keep it.
        record_id = session.get(RECORD_KEY)
        with tenancy.person(user.pk):
            record = UserSession.objects.filter(pk=record_id).first() if record_id else None
        if record is None:
            raise AccessEnded
        begun = session[BEGUN_KEY] = record.created_at.isoformat()
    return datetime.fromisoformat(begun)


def _member_of_family(family_id: UUID, *, user_id: UUID) -> Membership | None:
    return (
        Membership.objects.active()
        .with_rights()
        .filter(
            admits(F("token_families__created_at"), "", "user__", "organization__"),
            user_id=user_id,
            token_families=family_id,
            token_families__ended_at__isnull=True,
            token_families__expires_at__gt=timezone.now(),
        )
        .first()
    )

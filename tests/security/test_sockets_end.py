"""Open sockets end when access does: pushed at once, and at the heartbeat if the push was lost."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.urls import get_resolver
from rest_framework.views import APIView

from chat.consumers import InboxConsumer, LongPollConsumer, MemberConsumer, WidgetConsumer
from chat.models import VisitorToken, Widget
from chat.routing import long_poll_urlpatterns, websocket_urlpatterns
from chat.services.identity_secrets import add_identity_secret, end_identity_secret
from crm.authentication.models import UserSession
from crm.authentication.services.access import deactivate_user, reset_second_factor
from crm.core.executor import run_sync
from crm.organizations.models import Membership, Organization, User
from crm.organizations.services.members import deactivate_member, leave_organization
from crm.organizations.services.organizations import deactivate_organization, set_second_factor_rule
from tests.chat.clients import at_work, visit
from tests.chat.test_identity import signed
from tests.organizations.people import present
from tests.servers import LiveServer
from tests.tenancy.addresses import addresses
from tests.tenancy.visiting import Person
from tests.tenancy.world import MARK, make_theirs

FORBIDDEN = 4403
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
Event = Callable[[Membership, Membership], Any]


def ask_for_a_factor(agent: Membership, owner: Membership) -> None:
    TOTP.activate(owner.user, SECRET)
    set_second_factor_rule(by=present(owner), is_required=True)


def lose_the_factor(agent: Membership, owner: Membership) -> None:
    Organization.objects.update(requires_second_factor=True)
    reset_second_factor(user_id=agent.user_id)


PUSHED: dict[str, Event] = {
    "dismissed": lambda agent, owner: deactivate_member(by=owner, membership_id=agent.pk),
    "left": lambda agent, owner: leave_organization(membership_id=agent.pk),
    "person off": lambda agent, owner: deactivate_user(user_id=agent.user_id, by=owner.user),
    "organization off": lambda agent, owner: deactivate_organization(
        organization_id=agent.organization_id
    ),
    "factor asked for": ask_for_a_factor,
    "factor lost": lose_the_factor,
}
UNSEEN: dict[str, Event] = {
    "membership": lambda agent, owner: Membership.objects.filter(pk=agent.pk).update(
        is_active=False
    ),
    "person": lambda agent, owner: User.objects.filter(pk=agent.user_id).update(is_active=False),
    "factor rule": lambda agent, owner: Organization.objects.update(requires_second_factor=True),
    "session": lambda agent, owner: UserSession.objects.filter(user=agent.user).delete(),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
@pytest.mark.parametrize("event", PUSHED)
async def test_a_members_socket_is_closed_at_once(
    web_server: LiveServer, agent: Membership, owner: Membership, event: str
) -> None:
    if event == "factor lost":
        await run_sync(TOTP.activate, agent.user, SECRET)
    async with at_work(web_server, agent) as client:
        await client.receive("presence")
        await run_sync(PUSHED[event], agent, owner)
        assert await client.closed() == FORBIDDEN


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
@pytest.mark.parametrize("event", UNSEEN)
async def test_a_members_socket_is_closed_by_the_heartbeat(
    swift_server: LiveServer, agent: Membership, owner: Membership, event: str
) -> None:
    async with at_work(swift_server, agent) as client:
        await client.receive("heartbeat")
        await run_sync(UNSEEN[event], agent, owner)
        assert await client.closed() == FORBIDDEN


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
@pytest.mark.parametrize("event", ["proved", "secret ended", "organization off", "unseen"])
async def test_a_visitors_socket_ends_with_the_token(
    swift_server: LiveServer, widget: Widget, owner: Membership, event: str
) -> None:
    secret = await run_sync(add_identity_secret, by=owner, widget_id=widget.pk)
    proof = await run_sync(signed, secret)
    identity = {"identity": proof} if event == "secret ended" else {}
    visitor = await visit(swift_server, widget.site_key, **identity)
    async with visitor.connected() as client:
        await client.receive("presence")
        if event == "proved":
            token = visitor.session["visitor_token"]
            await visit(swift_server, widget.site_key, identity=proof, visitor_token=token)
        elif event == "secret ended":
            await run_sync(end_identity_secret, by=owner, secret_id=secret.secret.pk)
        elif event == "organization off":
            await run_sync(deactivate_organization, organization_id=owner.organization_id)
        else:
            await run_sync(VisitorToken.objects.all().delete)
        assert await client.closed() == FORBIDDEN


# How each view with an empty ``permission_classes`` finds out who asks, or why nobody has to.
UNGUARDED = {
    "Stream": "viewer_of_request",
    "Events": "viewer_of_request",
    "Messages": "viewer_of_request",
    "MessageBatch": "viewer_of_request",
    "StoredMessage": "viewer_of_request",
    "SeenPosition": "viewer_of_request",
    "FirstMessage": "visitor_of_request",
    "WidgetTickets": "visitor_of_request",
    "InboxTickets": "agent_of_request",
    "WidgetSessions": "where visitors come from",
    "LogInTokens": "where tokens come from",
    "Refresh": "authenticate_refresh",
    "Revoke": "ends what it is shown",
    "OpenApi": "the document of the API, which holds nobody's data",
}
CONSUMERS = {InboxConsumer, MemberConsumer, WidgetConsumer, LongPollConsumer}


def test_every_view_without_permissions_and_every_consumer_is_known() -> None:
    found = {
        view.__name__
        for view in _api_views(get_resolver().url_patterns)
        if not view.permission_classes and view.__module__.partition(".")[0] in {"chat", "crm"}
    }
    assert found == set(UNGUARDED)
    routed = {
        pattern.callback.consumer_class
        for pattern in (*websocket_urlpatterns, *long_poll_urlpatterns)
    }
    assert routed == CONSUMERS


def _api_views(patterns: Any) -> set[type[APIView]]:
    found: set[type[APIView]] = set()
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            found |= _api_views(pattern.url_patterns)
        elif issubclass(getattr(pattern.callback, "cls", object), APIView):
            found.add(pattern.callback.cls)
    return found


def test_without_the_factor_no_address_shows_anything(
    db: None, stores_clean: None, settings: Any
) -> None:
    """The organization asks for a factor: every address is visited by an owner without one."""
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMIT_DEFAULTS, "off")
    theirs = make_theirs()
    Authenticator.objects.all().delete()
    Organization.objects.filter(pk=theirs.organization.pk).update(requires_second_factor=True)
    shown, visited, owner = [], list(addresses(theirs)), Person(theirs.owner)
    for address in visited:
        for method in ("get", "post"):
            answer = getattr(owner.client(), method)(address.path)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            is_told = MARK in body.decode(errors="replace").lower()
            if is_told and answer.status_code < 300 and not _is_own(address.name):
                shown.append(f"{method} {address.name}")
    assert shown == []
    assert len(visited) > 100


def _is_own(name: str) -> bool:
    """A person's own affairs, where they set the factor up, and public links."""
    return bool(
        re.match(
            r"(account_|mfa_|socialaccount_|authentication:(join|sessions)|organizations:(settings|profile)|knowledge:(public|help)|chat:widget)",
            name,
        )
    )


def test_principals_are_made_in_one_place() -> None:
    """Nothing but `crm.authentication.principals` looks for who is behind a credential."""
    root = Path(__file__).resolve().parents[2]
    allowed = {"crm/authentication/principals.py", "crm/organizations/services/members.py"}
    makers = re.compile(r"access_tokens\.read\(|key_of_text\(|live_logins\(|\.admitting\(")
    known = {
        "crm/authentication/services/api_keys.py",
        "crm/authentication/services/impersonation.py",
        "crm/organizations/operators.py",
        "crm/organizations/services/invitations.py",
        "crm/organizations/models/membership.py",
    }
    found = {
        str(path.relative_to(root))
        for folder in ("chat", "crm", "knowledge", "config")
        for path in (root / folder).rglob("*.py")
        if makers.search(path.read_text())
    }
    assert found - allowed - known == set()

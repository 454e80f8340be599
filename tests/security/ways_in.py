"""Every way in, opened by somebody who still may, and asked again later."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.authentication import agent_of_claims, agent_of_cookie, viewer_of, visitor_of_claims
from chat.models import Conversation, VisitorToken, Widget
from chat.participants import Agent, Visitor
from chat.services.identity_secrets import NewIdentitySecret
from chat.services.visitors import live_visits
from chat.tickets import redeem_ticket
from crm.authentication.principals import renew_all
from crm.core.errors import AppError
from crm.organizations.models import Membership
from tests.conftest import PASSWORD

SESSIONS = "/api/v1/widget/sessions"
TOKENS = reverse("authentication:tokens")
REFRESH = reverse("authentication:refresh_tokens")
INBOX_TICKETS = "/api/v1/inbox/tickets"
WIDGET_TICKETS = "/api/v1/widget/tickets"


def post_json(client: Client, url: str, body: Any = None, **extra: Any) -> Any:
    return client.post(url, body or {}, content_type="application/json", **extra)


def is_let_in(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except AppError:
        return False
    return True


def message(url: str, client: Client, **headers: str) -> bool:
    key = f"m-{timezone.now().timestamp()}"
    body = {"content": {"type": "text", "text": "Hello"}}
    answer = post_json(client, url, body, headers={"Idempotency-Key": key, **headers})
    return bool(answer.status_code == 201)


@dataclass
class MemberWays:
    """What one member has open: a browser, a program, tickets, sockets and long polls."""

    membership: Membership
    conversation: Conversation
    browser: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        self.browser.force_login(self.membership.user)
        body = {"email": self.membership.user.email, "password": PASSWORD}
        self.tokens = post_json(Client(), TOKENS, body).json()
        self.cookie = f"sessionid={self.browser.cookies['sessionid'].value}"
        self.bearer = f"Bearer {self.tokens['access_token']}"
        self.by_session = agent_of_cookie(self.cookie)
        by_token = viewer_of(authorization=self.bearer, cookie=None)
        assert isinstance(by_token, Agent)
        self.by_token = by_token
        self.ticket = self._ticket()
        self.token_ticket = self._ticket(token=True)

    def _ticket(self, *, token: bool = False) -> str:
        asked = (
            post_json(Client(), INBOX_TICKETS, HTTP_AUTHORIZATION=self.bearer)
            if token
            else post_json(self.browser, INBOX_TICKETS)
        )
        return str(asked.json()["ticket"])

    def is_in(self) -> dict[str, bool]:
        """Ask on every way; with nothing remembered from a minute ago."""
        cache.delete(f"user-session:{self.by_session.login}")
        stream = f"/api/v1/streams/{self.conversation.stream}"
        program, bearer = Client(), {"Authorization": self.bearer}
        found = {
            "a page": self.browser.get(reverse("chat:inbox")).status_code == 200,
            "the API by session": self._gets(self.browser, reverse("chat:inbox_conversations")),
            "a stream by session": self._gets(self.browser, stream),
            "events by session": self._gets(self.browser, f"{stream}/events"),
            "a post by session": message(f"{stream}/messages", self.browser),
            "a ticket by session": post_json(self.browser, INBOX_TICKETS).status_code == 201,
            "the API by token": self._gets(program, reverse("organizations:me"), headers=bearer),
            "a stream by token": self._gets(program, stream, headers=bearer),
            "a post by token": message(f"{stream}/messages", program, **bearer),
            "a ticket by token": post_json(program, INBOX_TICKETS, headers=bearer).status_code
            == 201,
            "an old ticket of a session": self._redeems(self.ticket),
            "an old ticket of a token": self._redeems(self.token_ticket),
            "a socket by cookie": is_let_in(lambda: agent_of_cookie(self.cookie)),
            "a long poll by token": is_let_in(
                lambda: viewer_of(authorization=self.bearer, cookie=None)
            ),
            "a long poll that waits": is_let_in(self.by_session.renewed),
            "an open socket of a session": self._beats(self.by_session),
            "an open socket of a token": self._beats(self.by_token),
        }
        # Last: it is used up by looking.
        answer = post_json(Client(), REFRESH, {"refresh_token": self.tokens["refresh_token"]})
        found["a refresh"] = answer.status_code == 200
        if answer.status_code == 200:
            self.tokens = answer.json()
            self.ticket, self.token_ticket = self._ticket(), self._ticket(token=True)
        return found

    def _gets(self, client: Client, url: str, **extra: Any) -> bool:
        return bool(client.get(url, **extra).status_code == 200)

    def _redeems(self, ticket: str) -> bool:
        claims = redeem_ticket(kind="agent", ticket=ticket)
        return is_let_in(lambda: agent_of_claims(claims))

    def _beats(self, viewer: Agent) -> bool:
        asked = (self.membership.pk, viewer.login)
        return asked in renew_all([asked])


@dataclass
class VisitorWays:
    """What one visitor's browser has open."""

    widget: Widget
    session: dict[str, Any]

    def __post_init__(self) -> None:
        self.bearer = {"Authorization": f"Bearer {self.session['visitor_token']}"}
        assert message("/api/v1/streams/new/messages", Client(), **self.bearer)
        self.stream = Conversation.objects.get(customer_id=self.session["customer_id"]).stream
        record = VisitorToken.objects.latest("created_at")
        self.viewer = Visitor.of(record)
        self.ticket = self._ticket().json()["ticket"]

    def _ticket(self) -> Any:
        return post_json(Client(), WIDGET_TICKETS, headers=self.bearer)

    def is_in(self) -> dict[str, bool]:
        stream = f"/api/v1/streams/{self.stream}"
        claims = redeem_ticket(kind="visitor", ticket=self.ticket)
        again = self._ticket()
        if again.status_code == 201:
            self.ticket = again.json()["ticket"]
        bearer = self.bearer["Authorization"]
        return {
            "a stream": Client().get(stream, headers=self.bearer).status_code == 200,
            "a post": message(f"{stream}/messages", Client(), **self.bearer),
            "a first post": message("/api/v1/streams/new/messages", Client(), **self.bearer),
            "a ticket": again.status_code == 201,
            "an old ticket": is_let_in(lambda: visitor_of_claims(claims)),
            "a long poll": is_let_in(lambda: viewer_of(authorization=bearer, cookie=None)),
            "a long poll that waits": is_let_in(self.viewer.renewed),
            "an open socket": bool(live_visits([self.viewer.token_id])),
            "the widget": self._is_recognised(),
        }

    def _is_recognised(self) -> bool:
        """Say whether the widget, opened again, shows the same person."""
        body = {
            "site_key": self.widget.site_key,
            "visitor_token": self.session["visitor_token"],
        }
        answer = post_json(Client(), SESSIONS, body)
        told = json.loads(answer.content)
        return bool(told.get("customer_id") == self.session["customer_id"])


def visit(widget: Widget, identity: str | None = None, token: str | None = None) -> dict[str, Any]:
    body = {"site_key": widget.site_key, "identity": identity, "visitor_token": token}
    answer = post_json(Client(), SESSIONS, body)
    assert answer.status_code in {200, 201}, answer.content
    found: dict[str, Any] = answer.json()
    return found


def proved(widget: Widget, secret: NewIdentitySecret, token: str | None = None) -> dict[str, Any]:
    """Visit as somebody whose site proves who they are."""
    from tests.chat.test_identity import signed

    return visit(widget, signed(secret), token)

"""Whoever can write to Redis can neither execute anything, nor get in, nor make a page fail."""

import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from chat import presence
from chat.errors import TicketInvalid
from chat.models import Conversation, Widget
from chat.tickets import _key, redeem_ticket
from crm.authentication.services.api_keys import create_api_key
from crm.billing import banner
from crm.billing.banner import Warned
from crm.billing.metrics import Metric
from crm.core import stores
from crm.core.observability import shared_metrics
from crm.core.permissions import SCOPES
from crm.core.sessions import SessionStore, cache_key_of
from crm.operations import canary
from crm.organizations.models import Membership, User
from knowledge.services import answer
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


class Bomb:
    """Unpickled, it would make a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (open, (self.path, "w"))


class Visits:
    """Everything that reads what stands in Redis, once."""

    def __init__(self, owner: Membership, conversation: Conversation, widget: Widget) -> None:
        self.owner, self.conversation, self.widget = owner, conversation, widget
        self.key = create_api_key(by=owner, name="k", scopes=SCOPES, expires_at=None).text
        self.root = User.objects.create_superuser("root@example.com", PASSWORD, name="Root")
        self.browser, self.operator = Client(), Client()
        for client in (self.browser, self.operator):
            client.raise_request_exception = False
        self.operator.force_login(self.root)
        self.number = 0

    def log_in(self) -> Any:
        form = {"email": self.owner.user.email, "password": PASSWORD}
        return self.browser.post(reverse("authentication:log_in"), form)

    def all(self) -> list[tuple[str, int]]:
        """Give what was asked with the status of its answer."""
        self.number += 1
        bearer = {"Authorization": f"Bearer {self.key}"}
        organization_id = self.owner.organization_id
        found = [("log in", self.log_in().status_code)]
        found += [
            (path, self.browser.get(path).status_code)
            for path in ("/app/inbox/", "/app/knowledge/", "/app/settings/", "/api/v1/me")
        ]
        found += [
            (path, self.operator.get(path).status_code)
            for path in ("/admin/", "/health/deep", "/metrics", "/ready")
        ]
        program = Client(raise_request_exception=False)
        found.append(("key", program.get("/api/v1/conversations", headers=bearer).status_code))
        session = program.post(
            "/api/v1/widget/sessions",
            {"site_key": self.widget.site_key},
            content_type="application/json",
        )
        found.append(("widget", session.status_code))
        if session.status_code == 201:
            token = {"Authorization": f"Bearer {session.json()['visitor_token']}"}
            posted = program.post(
                "/api/v1/streams/new/messages",
                {"content": {"type": "text", "text": "Hello"}},
                content_type="application/json",
                headers={**token, "Idempotency-Key": f"m-{self.number}"},
            )
            found.append(("message", posted.status_code))
        told = answer(organization_id=organization_id, question="Is there wifi?", language="en")
        found.append(("bot", int(told.is_known)))
        who = presence.Presence(organization_id, self.owner.user_id, "Olga", "socket")
        presence.refresh(organization_id, [who])
        presence.look(who, self.conversation.pk, before=None)
        return found

    def fill(self) -> None:
        """Leave something under every kind of key."""
        banner.show(self.owner.organization_id, [Warned(Metric.CONTACTS, 80)])
        shared_metrics.observe_task(task="t", state="done", seconds=0.1)
        shared_metrics.set_reconcile_differences({"missing": 0})
        canary.note_sent(stores.redis())
        canary.note_seen(stores.redis(), queue="ai")
        self.browser.post("/api/v1/inbox/tickets", content_type="application/json")


@pytest.fixture
def visits(owner: Membership, conversation: Conversation, widget: Widget, settings: Any) -> Visits:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"log_in.address": "5000/60"}
    return Visits(owner, conversation, widget)


def spoil(value: bytes) -> None:
    """Put a value in place of every string, field, member and entry."""
    redis = stores.redis()
    for key in redis.scan_iter("*"):
        match redis.type(key):
            case b"string":
                redis.set(key, value, keepttl=True)
            case b"hash":
                redis.hset(key, mapping=dict.fromkeys(redis.hkeys(key), value))
                redis.hset(key, value, value)
            case b"zset":
                redis.zadd(key, {value: time.time()})
            case b"set":
                redis.sadd(key, value)


def retype(make: Callable[[bytes], None]) -> None:
    """Put a value of another type under every key."""
    redis = stores.redis()
    for key in list(redis.scan_iter("*")):
        redis.delete(key)
        make(key)


POISONS: dict[str, bytes | None] = {
    "pickle": None,
    "garbage": b"\xff\xfe\x80 garbage",
    "object": b'{"kind": "agent", "a": [1]}',
    "list": b'[1, {"metric": []}]',
    "text": b'"text"',
    "endless": b"1e999",
    "not a number": b"nan",
    "negative": b"-1",
    "deep": b"[" * 100_000,
    "empty": b"",
}


@pytest.mark.parametrize("name", POISONS)
def test_a_poisoned_value_is_a_miss_and_is_never_executed(
    visits: Visits, tmp_path: Path, name: str
) -> None:
    trace = tmp_path / "executed"
    poison = POISONS[name] or pickle.dumps(Bomb(str(trace)))
    healthy = visits.all()
    visits.fill()
    spoil(poison)
    assert visits.all() == healthy
    assert visits.all() == healthy
    assert not trace.exists()


@pytest.mark.parametrize("kind", ["string", "hash", "list", "zset", "set"])
def test_a_value_of_another_type_is_a_miss(visits: Visits, kind: str) -> None:
    redis = stores.redis()
    makers: dict[str, Callable[[bytes], Any]] = {
        "string": lambda key: redis.set(key, b"x"),
        "hash": lambda key: redis.hset(key, "x", "x"),
        "list": lambda key: redis.rpush(key, "x"),
        "zset": lambda key: redis.zadd(key, {"x": 1}),
        "set": lambda key: redis.sadd(key, "x"),
    }
    healthy = visits.all()
    visits.fill()
    retype(makers[kind])
    assert visits.all() == healthy


def test_every_kind_of_key_is_spoilt(visits: Visits) -> None:
    """A new kind of key that no visit makes would not be tried."""
    visits.all()
    visits.fill()
    kinds = {key.decode().split(":")[0] for key in stores.redis().scan_iter("*")}
    cached = {key.decode().split(":")[2] for key in stores.redis().scan_iter("nf:1:*")}
    assert {"nf", "ratelimit", "quota", "ticket", "online_users", "viewing", "user"} <= kinds
    assert {"metrics", "operations", "response_cache"} <= kinds
    assert {"session", "user-session", "billing"} <= cached


def test_a_session_that_somebody_wrote_into_redis_opens_nothing(
    owner: Membership, agent: Membership
) -> None:
    mine, victim = Client(), Client()
    mine.force_login(agent.user)
    victim.force_login(owner.user)
    for client in (mine, victim):
        assert client.get("/api/v1/me").status_code == 200
    my_key, their_key = mine.session.session_key, victim.session.session_key
    assert my_key is not None
    assert their_key is not None
    signed = cache.get(cache_key_of(their_key))
    assert isinstance(signed, str)
    # Another's copy, in the place of one's own.
    cache.set(cache_key_of(my_key), signed)
    assert mine.get("/api/v1/me").json()["user"]["email"] == agent.user.email
    # One of one's own making.
    forged: SessionBase = SessionStore(my_key)
    cache.set(cache_key_of(my_key), dict(victim.session.items()))
    assert forged.load()["_auth_user_id"] == str(agent.user_id)
    assert not [key for key in stores.redis().scan_iter("*") if their_key.encode() in key]


def test_a_ticket_that_somebody_wrote_into_redis_opens_nothing(
    agent: Membership, visits: Visits
) -> None:
    claims = {"kind": "agent", "membership": str(agent.pk), "login": ""}
    stores.redis().set(_key("mine"), json.dumps(claims))
    with pytest.raises(TicketInvalid):
        redeem_ticket(kind="agent", ticket="mine")


@pytest.mark.parametrize(
    "value", [(1, 2), {1: 2}, {"a": {1, 2}}, b"bytes", object(), float("nan"), [object()]]
)
def test_what_json_would_change_is_not_cached(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        cache.set("anything", value)


@pytest.mark.parametrize("value", [None, True, 0, -1, 1.5, "", "é\x00", [], [{"a": [None]}], {}])
def test_plain_data_comes_back_as_it_was(stores_clean: None, value: Any) -> None:
    cache.set("plain", value, 60)
    found = cache.get("plain", "missing")
    assert (found, type(found)) == (value, type(value))
    assert cache.get_many(["plain", "absent"]) == {"plain": value}


def test_an_unreadable_value_among_many_is_missing(stores_clean: None) -> None:
    cache.set_many({"one": 1, "two": "2"}, 60)
    stores.redis().set(cache.make_key("two"), pickle.dumps("2"))
    assert cache.get_many(["one", "two"]) == {"one": 1}
    assert cache.get("two", "missing") == "missing"

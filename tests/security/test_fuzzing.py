"""No input of a stranger gives a 5xx, leads elsewhere or comes back as markup.

Every address of the installation is visited. What a view looks for in query or form is
observed, so that a parameter that is added tomorrow is tried without anybody adding it here.
"""

import logging
import random
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from django.core.signals import got_request_exception
from django.db import connection, transaction
from django.test import Client

from crm.accounts.models import Role
from tests.conftest import make_member
from tests.security.hostile import (
    BODIES,
    COOKIES,
    HEADERS,
    LONG,
    PIECES,
    REFLECTED,
    VALUES,
    observed,
)
from tests.tenancy.addresses import Address, addresses_of_views
from tests.tenancy.world import Theirs, make_theirs

pytestmark = pytest.mark.django_db

T = TypeVar("T")

FORM = "application/x-www-form-urlencoded"
# A run tries a part of all pairs of a name and a value, and another part each time: it follows the
# seed of the run, which a failure tells.
COOKIE_NAMES = ("sessionid", "csrftoken", "django_language", "messages", "nobody")
# Read by middleware at every address; tried at every address once, and not by each name again.
ALWAYS = {"csrfmiddlewaretoken", "_method", "access_token", "api_key", "key", "token"}
# Of the pages that show most of the middleware, the templates and the API.
SAMPLE = (
    "/login/",
    "/app/inbox/",
    "/app/knowledge/",
    "/account/language/",
    "/api/v1/me",
    "/api/v1/conversations",
    "/widget/frame/",
    "/admin/",
    "/health",
    "/no/such/page/",
)


class Fuzzer:
    """Asks, and keeps what went wrong by the fault and not by the request."""

    def __init__(self, theirs: Theirs, who: str) -> None:
        self.theirs = theirs
        self.who = who
        self.wrong: dict[str, str] = {}
        self.asked = 0
        self.turn = random.randrange(1000)  # noqa: S311  follows the seed of the run
        self._fault: str | None = None
        self.enter()

    def enter(self) -> None:
        self.client = Client(raise_request_exception=False)
        if self.who == "agent":
            member = self.theirs.organization.memberships.get(role=Role.AGENT)
            self.client.force_login(member.user)

    def some(self, values: Sequence[T], number: int) -> Sequence[T]:
        """Give so many of the values, which move on with each call."""
        self.turn += 1
        step = max(1, len(values) // number)
        return values[self.turn % step :: step]

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "", **more: Any) -> Any:
        """Ask, undo what it did, and look at the answer."""
        self.asked += 1
        self._fault = None
        with transaction.atomic():
            answer = self.client.generic(method, path, body, content_type=kind, **more)
            transaction.set_rollback(True)
        self._look(method, path, body, answer, more)
        return answer

    def note(self, sender: Any, **kwargs: Any) -> None:
        """Keep where an exception came from."""
        self._fault = traceback.format_exc(limit=-3)

    def _look(self, method: str, path: str, body: bytes, answer: Any, more: Any) -> None:
        told = f"{method} {path[:120]} {body[:80]!r} {str(more)[:120]}"
        if answer.status_code >= 500:
            self.wrong.setdefault(self._fault or f"{answer.status_code} {path[:60]}", told)
        if location := answer.get("Location"):
            parts = urlsplit(location.replace("\\", "/"))
            is_ours = (parts.scheme, parts.netloc) in {("", ""), ("http", "testserver")}
            if not is_ours or location.startswith(("//", "/\\")):
                self.wrong.setdefault(f"leads to {location[:80]}", told)
        is_page = answer.get("Content-Type", "").startswith("text/html") and not answer.streaming
        if is_page and REFLECTED in answer.content:
            self.wrong.setdefault(f"reflected by {path.partition('?')[0]}", told)


@pytest.fixture
def theirs(stores_clean: None, db: None, settings: Any) -> Theirs:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMIT_DEFAULTS, "off")
    found = make_theirs()
    make_member(found.organization, "Agnes", Role.AGENT)
    return found


@contextmanager
def fuzzing(theirs: Theirs, who: str) -> Iterator[Fuzzer]:
    fuzzer = Fuzzer(theirs, who)
    got_request_exception.connect(fuzzer.note)
    # Thousands of lines of refused requests, each of which takes as long as the request.
    logging.disable(logging.CRITICAL)
    try:
        yield fuzzer
    finally:
        logging.disable(logging.NOTSET)
        got_request_exception.disconnect(fuzzer.note)
    assert connection.is_usable()
    assert fuzzer.wrong == {}


def test_no_parameter_of_a_stranger_gives_a_server_error(theirs: Theirs) -> None:
    with fuzzing(theirs, "nobody") as fuzzer:
        for address in addresses_of_views(theirs, is_admin=False):
            fuzzer.enter()
            for method in ("GET", "POST"):
                names, is_open = _names(fuzzer, method, address)
                for value in fuzzer.some(VALUES, 6 if is_open else 1):
                    together = "&".join(f"{name}={value}" for name in sorted(names))
                    _ask_with(fuzzer, method, address.path, together)
                if not is_open:
                    continue
                for name in sorted(names - ALWAYS):
                    for value in fuzzer.some(VALUES, 1)[:1]:
                        _ask_with(fuzzer, method, address.path, f"{name}={value}")
                _ask_with(fuzzer, method, address.path, f"next={LONG}&a[]=1&a[]=2&a=&a=1")
        assert fuzzer.asked > 100


def _names(fuzzer: Fuzzer, method: str, address: Address) -> tuple[set[str], bool]:
    """Ask as is; give what was looked for, and whether the view was reached at all."""
    with observed() as asked:
        answer = _ask_with(fuzzer, method, address.path, "")
    names = asked.names | {"next"}
    is_open = answer.status_code in {200, 400, 422} or bool(names - ALWAYS - {"next"})
    return names, is_open


def _ask_with(fuzzer: Fuzzer, method: str, path: str, encoded: str) -> Any:
    if method == "GET":
        return fuzzer.ask("GET", f"{path}?{encoded}")
    return fuzzer.ask("POST", path, encoded.encode(), FORM)


@pytest.mark.parametrize("who", ["nobody", "agent"])
def test_no_cookie_header_or_body_gives_a_server_error(theirs: Theirs, who: str) -> None:
    with fuzzing(theirs, who) as fuzzer:
        for path in SAMPLE:
            for name, value in fuzzer.some(HEADERS, 12):
                fuzzer.ask("GET", path, headers={name: value})
            for kind, body in fuzzer.some(BODIES, 7):
                fuzzer.ask("POST", path, body, kind)
            for name in COOKIE_NAMES:
                kept = fuzzer.client.cookies.get(name)
                for value in fuzzer.some(COOKIES, 3):
                    fuzzer.client.cookies[name] = value
                    fuzzer.ask("GET", path)
                fuzzer.client.cookies.pop(name, None)
                if kept is not None:
                    fuzzer.client.cookies[name] = kept.value
        assert fuzzer.asked > 100


def test_no_path_gives_a_server_error(theirs: Theirs) -> None:
    with fuzzing(theirs, "nobody") as fuzzer:
        for address in addresses_of_views(theirs, is_admin=False):
            pieces = address.path.split("/")
            last = max(index for index, piece in enumerate(pieces) if piece or index == 0)
            for value in fuzzer.some(PIECES, 2):
                path = "/".join([*pieces[:last], value, *pieces[last + 1 :]])
                fuzzer.ask("GET", path)
        assert fuzzer.asked > 100

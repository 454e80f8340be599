"""Sends hostile requests as one person, undoes what they did, and keeps which went wrong."""

import json
import logging
import os
import random
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from django.core.signals import got_request_exception
from django.db import connection, transaction
from django.test import Client

from crm.organizations.models import Membership
from tests.security.declared import Asked, observed
from tests.security.hostile import JSON_VALUES, MARKUP, REFLECTED, VALUES
from tests.tenancy.addresses import Address
from tests.tenancy.visiting import Person

T = TypeVar("T")

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
# Each pass tries other pairs of names and values. One is enough beside the rest of the suite.
PASSES = int(os.environ.get("FUZZ_PASSES", "1"))
# Read by middleware or by nobody: tried together with all others, not one by one at each address.
ALWAYS = {"csrfmiddlewaretoken", "_organization", "_person", "_kept", "_switch", "format"}
# So many names of a view are tried alone in a pass, others in each run.
ALONE = 1
MARKED = quote(MARKUP)


class Fuzzer:
    """Asks as one person; `wrong` holds one example of each fault."""

    def __init__(self, membership: Membership | None, names: set[str]) -> None:
        self._person = Person(membership) if membership else None
        self._names = sorted(names)
        self.wrong: dict[str, str] = {}
        self.looked_for: set[str] = set()
        self.asked = 0
        self._turn = random.randrange(1000)  # noqa: S311  follows the seed of the run
        self._pass = self._turn
        self._fault: str | None = None
        self.enter()

    def enter(self) -> None:
        """Begin with a new client: nothing but the session is kept."""
        person = self._person
        self.client = person.client() if person else Client(raise_request_exception=False)

    def some(self, values: Sequence[T], number: int) -> Sequence[T]:
        """Return so many of the values, others with each call."""
        self._turn += 1
        step = max(1, len(values) // (number * PASSES))
        return values[self._turn % step :: step]

    def try_address(self, address: Address) -> None:
        """Try every name of the code at once, then each that the view looks for by itself."""
        is_api = address.path.startswith("/api/")
        self._try_pairs("GET", address)
        for method in ("POST", "PATCH", "PUT", "DELETE") if is_api else ("POST",):
            self.enter()
            if is_api:
                self._try_json(method, address.path)
            else:
                self._try_pairs(method, address)

    def _try_pairs(self, method: str, address: Address) -> None:
        path = address.path
        with observed() as asked:
            answer = self._ask_pairs(method, path, {})
        if answer.status_code == 405:
            return
        self._ask_pairs(method, path, dict.fromkeys(self._names, MARKED))
        # The view is not reached: whatever stands before it has seen every name.
        if answer.status_code in {302, 401, 403, 404} and set(asked.names) <= ALWAYS:
            return
        names = self._own_names(asked)
        everything = dict.fromkeys([*self._names, *names], "")
        for _ in range(PASSES):
            if self._is_turn_of_all():
                mixed = {name: self._next(VALUES) for name in everything}
                self._ask_pairs(method, path, mixed)
                continue
            for name in self.some(list(names), ALONE)[: ALONE * PASSES]:
                if method != "GET":
                    self.enter()
                self._ask_pairs(method, path, {**names, name: self._next(VALUES)})

    def _own_names(self, asked: Asked) -> dict[str, str]:
        self.looked_for |= set(asked.names) | set(asked.fields)
        names = {name: told for name, told in asked.names.items() if name not in ALWAYS}
        return names | {name: "" for name in asked.fields if name not in names}

    def _ask_pairs(self, method: str, path: str, pairs: Mapping[str, str]) -> Any:
        encoded = "&".join(f"{name}={value}" for name, value in pairs.items())
        if method == "GET":
            return self.ask("GET", f"{path}?{encoded}")
        return self.ask(method, path, encoded.encode(), FORM)

    def _try_json(self, method: str, path: str) -> None:
        with observed() as asked:
            answer = self.ask(method, path, _object(dict.fromkeys(self._names, '"x"')), JSON)
            if answer.status_code not in {401, 403, 404, 405}:
                self.ask(method, path, b"{}", JSON)
        if answer.status_code in {401, 405}:
            return
        self.looked_for |= set(asked.fields)
        accepted = {name: json.dumps(value) for name, value in asked.fields.items()}
        for _ in range(PASSES):
            if self._is_turn_of_all():
                mixed = {name: self._next(JSON_VALUES) for name in accepted}
                self.ask(method, path, _object(mixed), JSON)
                continue
            for name in self.some(list(accepted), ALONE)[: ALONE * PASSES]:
                self.enter()
                body = _object({**accepted, name: self._next(JSON_VALUES)})
                self.ask(method, path, body, JSON)

    def _is_turn_of_all(self) -> bool:
        """Return whether all names get a value each in this pass, or a single one gets one."""
        self._pass += 1
        return self._pass % 2 == 0

    def _next(self, values: Sequence[T]) -> T:
        self._turn += 1
        return values[self._turn % len(values)]

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
        self._fault = traceback.format_exc(limit=-4)

    def _look(self, method: str, path: str, body: bytes, answer: Any, more: Any) -> None:
        told = f"{method} {path[:300]} {body[:600]!r} {str(more)[:120]}"
        if answer.status_code >= 500 and not _is_away(answer):
            self.wrong.setdefault(self._fault or f"{answer.status_code} {path[:60]}", told)
        if location := answer.get("Location"):
            parts = urlsplit(location.replace("\\", "/"))
            is_ours = (parts.scheme, parts.netloc) in {("", ""), ("http", "testserver")}
            if not is_ours or location.startswith(("//", "/\\")):
                self.wrong.setdefault(f"leads to {location[:80]}", told)
        is_page = answer.get("Content-Type", "").startswith("text/html") and not answer.streaming
        if is_page and REFLECTED in answer.content:
            self.wrong.setdefault(f"reflected by {path.partition('?')[0]}", told)


def _is_away(answer: Any) -> bool:
    """Say that a store or a service of others is not there, which is no fault of the request."""
    return bool(answer.status_code == 503 and answer.wsgi_request.path in {"/ready"})


def _object(members: Mapping[str, str]) -> bytes:
    told = ", ".join(f"{json.dumps(name)}: {value}" for name, value in members.items())
    return b"{" + told.encode() + b"}"


@contextmanager
def fuzzing(membership: Membership | None, names: set[str]) -> Iterator[Fuzzer]:
    """Give a fuzzer and raise AssertionError in the end for what went wrong."""
    fuzzer = Fuzzer(membership, names)
    got_request_exception.connect(fuzzer.note)
    # Thousands of lines of refused requests, each of which takes as long as the request.
    logging.disable(logging.CRITICAL)
    try:
        yield fuzzer
    finally:
        logging.disable(logging.NOTSET)
        got_request_exception.disconnect(fuzzer.note)
    assert connection.is_usable()
    assert fuzzer.wrong == {}, json.dumps(fuzzer.wrong, indent=1)

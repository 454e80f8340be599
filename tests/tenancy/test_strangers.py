"""A member of another organization tries every address and every method, with valid ids.

The addresses are those that the installation has, so a new one is tried without anybody adding it
here; one that cannot be filled fails.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import Resolver404, resolve

from crm.organizations.models import Membership
from tests.tenancy.addresses import Address, addresses
from tests.tenancy.visiting import Person
from tests.tenancy.world import MARK, Theirs, make_theirs

pytestmark = pytest.mark.long

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE")
# One wrapper closes all of the admin before a view is asked or a body is read: reading and writing
# try it, each in one way.
METHODS_OF_ADMIN = ("GET", "POST")
# Open to everybody who has the link, on purpose.
PUBLIC = {
    "knowledge:public_faq": "where the bot's answer leads a visitor",
    "knowledge:help": "the organization's public help pages",
    "knowledge:help_home": "the same, in one language",
    "knowledge:help_brand": "their colours",
}
# The methods of each view that has refused another one, as its answer named them.
_taken: dict[Callable[..., object], set[str]] = {}
CONFIRMED = {"confirm": "yes", "_confirm": "1", "post": "yes"}


@pytest.fixture
def theirs(db: None, stores_clean: None) -> Theirs:
    return make_theirs()


@pytest.fixture
def unlimited(settings: Any) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMIT_DEFAULTS, "off")


def ids_in_body(theirs: Theirs) -> dict[str, str]:
    """Name what is theirs in every way that a form or a body could ask for it."""
    named = {"stream": theirs.stream, "organization": str(theirs.organization.pk)}
    for model, row in theirs.rows.items():
        noun = str(model._meta.model_name)
        named |= {noun: str(row.pk), f"{noun}_id": str(row.pk)}
    return named | {
        "assignee": str(theirs.owner.user_id),
        "user": str(theirs.owner.user_id),
        "faq": str(theirs.faq.pk),
        "category": named["faqcategory"],
        "question": "What is it?",
        "answer": "It is this.",
        "name": "New name",
        "language": "en",
        "language_code": "en",
        "role": "owner",
        "is_published": "on",
        "seq": "1",
        "type": "text",
        "text": "Hello",
        **CONFIRMED,
    }


def ask(stranger: Person, method: str, address: Address, body: dict[str, str]) -> list[Any]:
    """Ask as a browser and, where something is sent, as a program too."""
    browser, path = stranger.client(), address.path
    if address.name.startswith("admin:"):
        return [browser.get(path) if method in SAFE else browser.post(path, body)]
    if method in SAFE:
        told = {"organization": body["organization"], "search": body["conversation"]}
        asked = browser.generic(method, path, query_params=told)
        # HEAD and OPTIONS answer without a body: what GET shows unasked is looked at there.
        return [asked, browser.get(path)] if method == "GET" else [asked]
    as_json = browser.generic(
        method,
        path,
        json.dumps({**body, "seq": 1, "content": {"type": "text", "text": "Hello"}}),
        content_type="application/json",
        headers={"Idempotency-Key": "stranger-1", "Accept": "application/json"},
    )
    if method != "POST":
        return [as_json]
    return [as_json, stranger.client().post(path, body)]


def can_be_answered(method: str, address: Address) -> bool:
    """Return False where the view has said that it takes other methods, and would say so again."""
    try:
        view = resolve(address.path).func
    except Resolver404:
        return True
    return method in _taken.get(view, {method})


def note_methods(response: Any, address: Address) -> None:
    if response.status_code == 405:
        taken = {method.strip() for method in response["Allow"].split(",")}
        _taken[resolve(address.path).func] = taken


def text_of(response: Any) -> str:
    body = b"".join(response.streaming_content) if response.streaming else response.content
    headers = " ".join(f"{name}: {value}" for name, value in response.items())
    return f"{headers}\n{body.decode(errors='replace')}".lower()


def leaks(response: Any, address: Address, theirs: Theirs, ids: set[str]) -> list[str]:
    """Give what of theirs stands in an answer; what was asked for by name may be named back."""
    text = text_of(response)
    found = [MARK] if MARK in text else []
    sent = set(ids_in_body(theirs).values())
    hidden = {i for i in ids if i not in address.path and i not in sent}
    return found + sorted(i for i in hidden if i in text)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_leaks_and_nothing_changes(
    method: str, theirs: Theirs, stranger: Membership, unlimited: None
) -> None:
    ids, before = theirs.ids(), theirs.fingerprint()
    last_written = theirs.written()
    body = ids_in_body(theirs)
    person = Person(stranger)
    wrong = []
    visited = [
        address
        for address in addresses(theirs)
        if method in METHODS_OF_ADMIN or not address.name.startswith("admin:")
    ]
    for address in visited:
        if not can_be_answered(method, address):
            continue
        for response in ask(person, method, address, body):
            note_methods(response, address)
            if response.status_code >= 500 and response.status_code != 503:
                wrong.append(f"{method} {address.name}: {response.status_code}")
            if address.name in PUBLIC:
                continue
            if found := leaks(response, address, theirs, ids):
                wrong.append(f"{method} {address.name}: {response.status_code} names {found[:3]}")
        if method in SAFE:
            continue
        written, last_written = last_written, theirs.written()
        if written == last_written:
            continue
        after = theirs.fingerprint()
        if changed := {name for name, hashed in after.items() if before.get(name) != hashed}:
            wrong.append(f"{method} {address.name} changed {sorted(changed)}")
            before = after
    assert wrong == []
    assert theirs.fingerprint() == before
    assert len(visited) > 100


def test_admin_is_closed_to_who_is_no_operator(theirs: Theirs, stranger: Membership) -> None:
    browser = Client()
    browser.force_login(stranger.user)
    answers = {
        address.name: browser.get(address.path).status_code
        for address in addresses(theirs)
        if address.name.startswith("admin:")
    }
    assert len(answers) > 30
    assert {status for status in answers.values() if status not in {301, 302, 403, 404}} == set()

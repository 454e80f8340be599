"""No form and no request of a page goes around the guard: every one there is is looked at."""

import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, resolve

from crm.authentication.form_guard.middleware import (
    PERSONAL_VIEWS,
    SESSION_VIEWS,
    FormGuardMiddleware,
)
from crm.core.errors import AppError
from crm.core.form_guard.idempotency import is_once
from crm.core.form_guard.sent_forms import FILLED_IN
from crm.core.form_guard.sent_forms import SECRETS as FORM_SECRETS
from crm.core.form_guard.stamps import GUARD_FIELDS
from crm.core.http.exceptions import refusal_response
from crm.core.ids import uuid7
from crm.organizations.models import Membership
from tests.forms.browsers import browser, switch
from tests.tenancy.addresses import CAUGHT, CONVERTED, SECRETS, _path, _walk

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parent.parent.parent
# Not forms of ours, or not for people who are logged in.
ELSEWHERE = ("admin:", "operations:", "set_language", "api:", "home")
# Sent twice they change nothing more than sent once. Whatever is not named creates something or
# edits a version of it, and has to stand under `once`.
REPEATABLE = {
    "authentication:log_out_now": "there is no session any more",
    "authentication:end_session": "it has ended",
    "authentication:end_family": "it has ended",
    "authentication:end_all_others": "they have ended",
    "authentication:end_api_key": "it has ended",
    "authentication:end_api_secret": "it has ended",
    "organizations:profile": "the same values again",
    "organizations:factor_rule": "the same rule again",
    "organizations:leave": "one has left",
    "organizations:deactivate_member": "they are deactivated",
    "organizations:reactivate_member": "they are active",
    "organizations:revoke_invitation": "it is no longer open",
    "organizations:delete_role": "it is gone",
    "organizations:delete_team": "it is gone",
    "authentication:set_language": "the same language again",
    "authentication:set_timezone": "the same zone again",
    "authentication:switch_organization": "one is there",
    "authentication:stop_impersonation": "it has ended",
    "authentication:log_in": "one is logged in",
    "authentication:log_out": "one is logged out",
    "authentication:join": "the link works once",
    "chat:presence": "the member is there already",
    "companies:bulk": "it only asks",
    "companies:default_view": "the same view again",
    "deals:bulk": "it only asks",
    "deals:default_view": "the same view again",
    "deals:place_pipeline": "it is there already",
    "deals:place_stage": "it is there already",
    "deals:delete_pipeline": "it is gone",
    "deals:delete_stage": "it is gone",
    "deals:lost_reasons:bulk": "it only asks",
    "deals:lost_reasons:default_view": "the same view again",
    "organizations:exchange_rates:bulk": "it only asks",
    "organizations:exchange_rates:default_view": "the same view again",
    "customers:bulk": "it only asks",
    "customers:default_view": "the same view again",
    "umbrellas:bulk": "it only asks",
    "umbrellas:default_view": "the same view again",
    "knowledge:bulk": "it only asks",
    "knowledge:default_view": "the same view again",
    "billing:change": "the plan is that already",
    "billing:cancel": "it is cancelled",
    "billing:resume": "it goes on",
    "jobs:cancel": "it is cancelled",
    "notifications:open": "it is read",
    "notifications:read_all": "they are read",
    "transfer:parts": "each part is stored once",
    "transfer:faults": "the same file",
    "jobs:fetch": "the same file again",
    "compliance:lift_hold": "it is lifted",
    "knowledge:ask": "a question changes nothing",
    "knowledge:restore_faq": "it is back",
    "knowledge:delete_category": "it is gone",
    "chat:same_as": "the FAQ has this phrasing already",
    "chat:settle_question": "it is settled",
    "chat:unsettle_question": "it is back",
    "chat:end_identity_secret": "it has ended",
    "chat:pause_widget": "it is paused",
    "chat:resume_widget": "it is shown",
    "chat:allow_seen": "it is allowed",
    "chat:dismiss_start": "the list is gone",
    "core:undo": "it is undone",
}
OF_ALLAUTH = ("account_", "mfa_", "socialaccount_", "google_", "facebook_", "microsoft_", "openid")


def _pages() -> Iterator[tuple[str, str]]:
    """Give the name and an address of every page, with ids of nothing."""
    for name, route in _walk(get_resolver().url_patterns):
        pieces = " ".join(str(piece.pattern) for piece in route)
        if name.startswith(ELSEWHERE) or "api/" in pieces or "oidc" in pieces:
            continue
        found = {match["name"] for match in (*CAUGHT.finditer(pieces), *CONVERTED.finditer(pieces))}
        values = {each: SECRETS.get(each, str(uuid7())) for each in found} | {
            "pk": "1",
            "plan": "pro",
            "question_id": "a" * 24,
            "otp": "000000",
        }
        yield name, _path(route, values)


PAGES = sorted(dict(_pages()).items())


def _stamp(membership: Membership) -> dict[str, Any]:
    return {"_organization": str(membership.organization_id), "_person": str(membership.user_id)}


def test_every_page_refuses_a_form_of_another_organization(
    owner: Membership, elsewhere: Membership
) -> None:
    assert len(PAGES) > 60
    client = browser(owner)
    switch(client, elsewhere)
    passed = []
    for name, path in PAGES:
        if name in SESSION_VIEWS | PERSONAL_VIEWS or name.startswith(OF_ALLAUTH):
            continue
        answer = client.post(path, _stamp(owner) | {"name": "x", "reason": "x", "question": "x"})
        if answer.status_code != 409:
            passed.append((name, answer.status_code))
    assert passed == []


def test_every_page_of_a_person_refuses_a_form_of_somebody_else(
    owner: Membership, agent: Membership
) -> None:
    client = browser(owner)
    passed = []
    for name, path in PAGES:
        if name in SESSION_VIEWS or name.startswith(("google", "facebook", "microsoft", "openid")):
            continue
        answer = client.post(path, _stamp(agent))
        if answer.status_code != 409:
            passed.append((name, answer.status_code))
    assert passed == []


TEXT = "Nobody shall have to write this twice."
TYPED = dict.fromkeys(("name", "reason", "question", "answer", "text", "note"), TEXT)
PAGE = {"Accept": "text/html"}


def _may_be_refused() -> Iterator[tuple[str, str]]:
    for name, path in PAGES:
        if name not in SESSION_VIEWS and not name.startswith(OF_ALLAUTH):
            yield name, path


def test_every_refused_form_gives_back_what_was_written(
    owner: Membership, viewer: Membership
) -> None:
    """What is gone (404) and what one may not do (403), as the views themselves refuse it."""
    lost, statuses = [], set()
    for member in (owner, viewer):
        for name, path in _may_be_refused():
            client = browser(member)
            client.raise_request_exception = False
            answer = client.post(path, _stamp(member) | TYPED, headers=PAGE)
            # 400 and 422 are the form itself once more, with what was typed.
            if answer.status_code < 400 or answer.status_code in {400, 405, 422}:
                continue
            statuses.add(answer.status_code)
            if TEXT not in answer.content.decode():
                lost.append((name, member.role, answer.status_code))
    assert lost == []
    assert {403, 404} <= statuses


def test_numbers_that_were_typed_come_back_too(owner: Membership) -> None:
    client = browser(owner)
    gone = f"/app/customers/{uuid7()}/"
    for path, field, value in (
        (f"{gone}edit/", "phone", "0901234567"),
        (f"{gone}notes/", "text", "5500000"),
    ):
        answer = client.post(path, _stamp(owner) | {field: value}, headers=PAGE)
        assert (answer.status_code, value in answer.content.decode()) == (404, True), path


# Hidden fields whose values somebody typed.
TYPED_BEFORE = {"domain", "email", "q", "where"}


def test_fields_that_pages_fill_in_are_known() -> None:
    hidden = set()
    for template in (ROOT / "templates").rglob("*.html"):
        hidden |= set(re.findall(r'type="hidden" name="([a-z_]+)"', template.read_text()))
    assert hidden - FILLED_IN - GUARD_FIELDS - FORM_SECRETS <= TYPED_BEFORE


REFUSALS = (400, 402, 403, 404, 409, 410, 429, 503)


def test_no_refusal_of_a_page_loses_what_was_written(
    owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page is refused with one of the statuses, each status by many pages.

    What is answered comes of the request and the refusal alone: no view is reached.
    """
    refusal = AppError("No.")
    monkeypatch.setattr(
        FormGuardMiddleware,
        "process_view",
        lambda self, request, *view: refusal_response(request, refusal),
    )
    client = browser(owner)
    pages = list(_may_be_refused())
    assert len(pages) > 5 * len(REFUSALS)
    lost = []
    for (name, path), status in zip(pages, cycle(REFUSALS), strict=False):
        refusal.status = status
        answer = client.post(path, _stamp(owner) | TYPED, headers=PAGE)
        if answer.status_code != status or TEXT not in answer.content.decode():
            lost.append((name, status, answer.status_code))
    assert lost == []


def test_a_reason_that_is_refused_comes_back(owner: Membership) -> None:
    client = browser(owner)
    for reason, status in ((TEXT, 404), (TEXT * 20, 400)):
        path = f"/app/settings/legal-holds/{uuid7()}/lift/"
        answer = client.post(path, _stamp(owner) | {"reason": reason}, headers=PAGE)
        assert (answer.status_code, reason in answer.content.decode()) == (status, True)


def test_a_refusal_repeats_neither_secrets_nor_the_words_of_a_foreign_page(
    owner: Membership,
) -> None:
    gone = f"/app/settings/roles/{uuid7()}/"
    client = browser(owner)
    shown = client.post(gone, _stamp(owner) | TYPED, headers=PAGE)
    assert (shown.status_code, TEXT in shown.content.decode()) == (404, True)
    secret = client.post(gone, _stamp(owner) | TYPED | {"password": "hidden"}, headers=PAGE)
    assert "hidden" not in secret.content.decode()
    strict = Client(enforce_csrf_checks=True, headers=PAGE | {"Origin": "https://evil.example"})
    strict.force_login(owner.user)
    for path in (gone, "/nowhere/"):
        assert TEXT not in strict.post(path, TYPED).content.decode()


def test_every_form_that_creates_has_a_once_key(owner: Membership) -> None:
    """A view that takes a POST stands under `once`, or it is said why it need not."""
    unsaid = []
    for name, path in PAGES:
        if name in REPEATABLE or name.startswith(OF_ALLAUTH):
            continue
        client = browser(owner)
        client.raise_request_exception = False
        if client.post(path, _stamp(owner)).status_code in {404, 405} and not _takes_post(path):
            continue
        if not is_once(resolve(path).func):
            unsaid.append(name)
    assert unsaid == []


def _takes_post(path: str) -> bool:
    """Say whether a view that answers 404 for want of a record would take a POST."""
    return Client().generic("PROPFIND", path).headers.get("Allow", "GET").find("POST") >= 0


@pytest.mark.parametrize("template", sorted((ROOT / "templates").rglob("*.html")), ids=str)
def test_every_form_of_a_template_carries_the_stamp(template: Path) -> None:
    text = template.read_text()
    for form in re.findall(r"<form\b.*?</form>", text, re.DOTALL):
        if 'method="post"' not in form:
            continue
        is_guarded = "{% csrf_token" in form or '"authentication/_form.html"' in form
        assert is_guarded or template.name == "kept_form.html", form[:200]


def test_every_script_of_a_page_names_its_organization() -> None:
    scripts = [
        path
        for folder in ("app", "knowledge", "chat/inbox")
        for path in (ROOT / "static" / folder).rglob("*.js")
    ]
    senders = [
        path
        for path in scripts
        if re.search(r"\bfetch\(|\brequestJson\(|new XMLHttpRequest", path.read_text())
    ]
    assert senders
    assert [path.name for path in senders if "stampHeaders()" not in path.read_text()] == []

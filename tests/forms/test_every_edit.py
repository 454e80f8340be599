"""No form that is filled with what is stored forgets its version: every page is looked at."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import resolve
from django.urls.exceptions import Resolver404

from crm.core.form_guard.stamps import ONCE
from crm.organizations.models import Membership, Role
from tests.conftest import make_member
from tests.forms.browsers import browser, form_of, forms_of
from tests.tenancy.addresses import addresses_of_views
from tests.tenancy.visiting import Person
from tests.tenancy.world import Theirs, make_theirs

pytestmark = pytest.mark.django_db(transaction=True)

# Filled with what is offered, not with what is stored: each creates something.
OFFERING = {
    "authentication:api_keys_page": "a usual lifetime",
    "organizations:members": "the role of most who are invited",
    "chat:new_widget": "the organization's name",
    "chat:answer_question": "the visitor's question",
    "transfer:export": "a usual format",
    "umbrellas:new": "the color and ribs of most",
    "deals:new": "the currency, the first stage and its maker as the owner",
    "deals:new_stage": "the probability and outcome of most",
    "deals:lost_reasons:new": "the first place",
    "organizations:exchange_rates:new": "today",
    "companies:new": "its maker as the owner",
    "knowledge:new": "the organization's language",
}


@pytest.fixture
def theirs(db: None, stores_clean: None) -> Theirs:
    found = make_theirs()
    make_member(found.organization, "Agatha", Role.AGENT)
    return found


def _filled_forms(theirs: Theirs) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each form of a page that shows values, with the address that it is sent to."""
    owner = Person(theirs.owner)
    for address in addresses_of_views(theirs, is_admin=False):
        answer: Any = owner.client().get(address.path)
        is_page = answer.headers.get("Content-Type", "").startswith("text/html")
        if answer.status_code != 200 or answer.streaming or not is_page:
            continue
        for form in forms_of(answer):
            fields = form["fields"]
            shown = [name for name in fields if name not in form["hidden"] and any(fields[name])]
            if "csrfmiddlewaretoken" in fields and shown:
                yield form["action"] or address.path, fields


def _view_of(path: str) -> str:
    try:
        return resolve(path.partition("?")[0]).view_name
    except Resolver404:
        return path


def test_every_form_that_shows_stored_values_names_their_version(theirs: Theirs) -> None:
    forms = [(_view_of(path), fields) for path, fields in _filled_forms(theirs)]
    versioned = {name for name, fields in forms if any(fields.get("_version", []))}
    assert {name for name, _fields in forms} - versioned == OFFERING.keys()
    assert versioned == {
        "authentication:log_in_rules",
        "organizations:organization",
        "organizations:profile",
        "organizations:role",
        "organizations:set_role",
        "organizations:team",
        "chat:edit_widget",
        "chat:notifications",
        "companies:edit",
        "deals:edit",
        "deals:pipeline",
        "deals:stage",
        "deals:lost_reasons:edit",
        "organizations:exchange_rates:edit",
        "customers:edit",
        "customers:edit_note",
        "notifications:preferences",
        "knowledge:edit",
        "umbrellas:edit",
        "knowledge:rename_category",
    }


def test_every_form_that_lost_its_version_is_a_conflict(theirs: Theirs) -> None:
    client = Person(theirs.owner).client()
    answers: dict[str, set[int]] = {}
    for path, fields in _filled_forms(theirs):
        if any(fields.get("_version", [])):
            sent = {name: value for name, value in fields.items() if name not in {"_version", ONCE}}
            # Whoever wants what is stored by now has it.
            sent |= {"name": "Other"} if "name" in sent else {}
            answers.setdefault(_view_of(path), set()).add(client.post(path, sent).status_code)
    # The list of members says it on its own page.
    assert answers.pop("organizations:set_role") == {302}
    assert len(answers) > 10
    assert set().union(*answers.values()) == {409}, answers


@pytest.mark.parametrize("is_stored", [False, True])
def test_two_tabs_with_notification_settings_lose_neither_choice(
    agent: Membership, *, is_stored: bool
) -> None:
    page = "/app/settings/notifications/"
    client = browser(agent)
    if is_stored:
        client.post(page, form_of(client.get(page), "email_after_minutes"))
    tabs = [form_of(client.get(page), "email_after_minutes") for _tab in range(2)]
    assert client.post(page, tabs[0] | {"email_after_minutes": "30"}).status_code == 302
    met = client.post(page, tabs[1] | {"email_after_minutes": "60", "desktop": "on"})
    assert met.status_code == 409
    kept = form_of(client.get(page), "email_after_minutes")
    assert (kept["email_after_minutes"], "desktop" in kept) == (["30"], False)
    shown = form_of(met, "email_after_minutes")
    assert (shown["email_after_minutes"], "desktop" in shown) == (["60"], True)
    assert client.post(page, shown).status_code == 302
    kept = form_of(client.get(page), "email_after_minutes")
    assert (kept["email_after_minutes"], "desktop" in kept) == (["60"], True)


def test_a_sound_that_was_switched_off_in_the_inbox_stays_off(agent: Membership) -> None:
    page = "/app/settings/notifications/"
    client = browser(agent)
    opened = form_of(client.get(page), "email_after_minutes")
    switched = client.patch(
        "/api/v1/inbox/alerts", {"sound": False}, content_type="application/json"
    )
    assert switched.status_code == 200
    met = client.post(page, opened | {"email_after_minutes": "30"})
    assert met.status_code == 409
    assert client.post(page, form_of(met, "email_after_minutes")).status_code == 302
    kept = form_of(client.get(page), "email_after_minutes")
    assert (kept["email_after_minutes"], "sound" in kept) == (["30"], False)

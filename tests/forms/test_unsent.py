"""A form that comes back, sent and not stored, says so: its page asks before it is left."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from crm.organizations.models import Membership
from crm.organizations.services.teams import create_team

TEMPLATES = Path(settings.BASE_DIR) / "templates"
# An address or a code alone: nothing that one would write again with regret.
# The form whose values come back.
NAMED = re.compile(r"{% csrf_token \w*form %}")
NEW_IMPORT = "/app/import/faqs/new/"
UNMARKED = {"authentication/log_in.html", "mfa/authenticate.html"}
SHOWN = re.compile(r"\bform\.\w+|_field\.html")


def forms_in(text: str) -> list[str]:
    return [
        form for form in re.findall(r"<form\b.*?</form>", text, re.S) if 'method="post"' in form
    ]


def is_marked(answer: Any, name: str) -> bool:
    (form,) = [
        each
        for each in forms_in(answer.content.decode())
        if re.search(rf'<(input|textarea)(?![^>]*type="hidden")[^>]* name="{name}"', each)
    ]
    return "data-unsent" in form


def test_every_form_that_shows_values_can_say_that_they_were_not_stored() -> None:
    found = 0
    for path in TEMPLATES.rglob("*.html"):
        for form in forms_in(path.read_text()):
            if SHOWN.search(form) and str(path.relative_to(TEMPLATES)) not in UNMARKED:
                assert NAMED.search(form) or "/_form.html" in form, path
                found += 1
    assert found > 20


@pytest.mark.parametrize(
    ("page", "field", "sent", "status"),
    [
        (NEW_IMPORT, "text", {"text": "x" * 500_001}, 400),
        ("organizations:new_team", "name", {"name": "NIGHT"}, 409),
        ("organizations:members", "email", {"email": "linh@sunbean.example", "role": "agent"}, 409),
        ("customers:save_view", "name", {"do": "create", "name": "\u200b", "state": "{}"}, 422),
    ],
)
def test_what_comes_back_is_marked_and_what_is_new_is_not(
    client: Client,
    owner: Membership,
    agent: Membership,
    page: str,
    field: str,
    sent: dict[str, str],
    status: int,
) -> None:
    client.force_login(owner.user)
    create_team(by=owner, name="Night", lead_id=None, member_ids=[])
    address = page if page == NEW_IMPORT else reverse(page)
    new = client.get("/app/customers/" if page == "customers:save_view" else address)
    came_back = client.post(address, sent)
    assert came_back.status_code == status
    assert (is_marked(new, field), is_marked(came_back, field)) == (False, True)


def test_a_password_that_was_wrong_is_no_loss(client: Client, owner: Membership) -> None:
    client.force_login(owner.user)
    sent = {"oldpassword": "wrong", "password1": "x"}
    refused = client.post(reverse("account_change_password"), sent)
    assert "data-unsent" not in refused.content.decode()

"""Entry 19: a form that is sent twice creates one thing, and both times shows the same answer."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from chat.models import IdentitySecret, Widget
from crm.authentication.models import ApiKey
from crm.compliance.models import LegalHold
from crm.core.form_guard.idempotency import purge_form_answers
from crm.core.idempotency import MAX_WAITING
from crm.core.jobs.models import Job
from crm.core.mail.models import Mail
from crm.core.models import IdempotentRequest
from crm.core.transfer.models import Import
from crm.customers.models import Customer
from crm.organizations.models import CustomRole, Invitation, Membership, Team
from knowledge.models import Faq, FaqCategory
from tests.forms.browsers import browser, form_of

KEYS = "/app/settings/api-keys/"
Create = tuple[str, str, str, dict[str, Any], Callable[[], int]]


def _creating(widget: Widget) -> list[Create]:
    """Return the page of each creating form, where it is sent to, a field of it, what is filled
    in, and how many there are then."""
    identity = "/app/settings/visitor-identity/"
    return [
        (
            "/app/knowledge/new/",
            "/app/knowledge/new/",
            "question",
            {"question": "Open?", "answer": "Yes."},
            Faq.objects.count,
        ),
        (
            "/app/knowledge/categories/",
            "/app/knowledge/categories/",
            "name",
            {"name": "Tea"},
            FaqCategory.objects.count,
        ),
        (KEYS, KEYS, "lifetime", {"name": "Shop", "scopes": "inbox:read"}, ApiKey.objects.count),
        (
            "/app/settings/members/",
            "/app/settings/members/",
            "email",
            {"email": "new@example.com"},
            Invitation.objects.count,
        ),
        (
            "/app/settings/roles/",
            "/app/settings/roles/",
            "name",
            {"name": "Night", "copied_from": "agent"},
            CustomRole.objects.count,
        ),
        (
            "/app/settings/teams/new/",
            "/app/settings/teams/new/",
            "name",
            {"name": "North"},
            Team.objects.count,
        ),
        (
            "/app/settings/legal-holds/",
            "/app/settings/legal-holds/",
            "reason",
            {"kind": "organization", "reason": "Case 7"},
            LegalHold.objects.count,
        ),
        (
            "/app/settings/audit/",
            "/app/settings/audit/exports/",
            "_once",
            {"format": "csv"},
            Job.objects.count,
        ),
        (
            identity,
            f"{identity}widgets/{widget.pk}/secrets/",
            "_once",
            {},
            IdentitySecret.objects.count,
        ),
    ]


def test_every_creating_form_that_is_sent_twice_creates_one(
    owner: Membership, widget: Widget
) -> None:
    client = browser(owner)
    for page, path, having, filled, count in _creating(widget):
        form = form_of(client.get(page), having) | filled
        before = count()
        first = client.post(path, form)
        assert first.status_code in {201, 302}, (page, first.status_code)
        second = client.post(path, form)
        assert count() == before + 1, page
        assert second.status_code == first.status_code, page
        assert second.headers.get("Location") == first.headers.get("Location"), page


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_one_invitation_and_one_letter(owner: Membership) -> None:
    clients = [browser(owner) for _each in range(1 + MAX_WAITING)]
    form = form_of(clients[0].get("/app/settings/members/"), "email")
    form |= {"email": "new@example.com"}

    def send(client: Client) -> tuple[int, str]:
        try:
            answer = client.post("/app/settings/members/", form)
            return answer.status_code, answer.headers.get("Location", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = set(pool.map(send, clients))
    assert answers == {(302, "/app/settings/members/")}
    assert Invitation.objects.count() == 1
    assert Mail.objects.count() == 1


def test_second_click_shows_the_same_key_and_the_database_does_not_have_it(
    owner: Membership,
) -> None:
    client = browser(owner)
    form = form_of(client.get(KEYS), "lifetime") | {"name": "Shop", "scopes": ["inbox:read"]}
    first, second = client.post(KEYS, form), client.post(KEYS, form)
    shown = re.findall(r"nf_live_[A-Za-z0-9_]{20,}", first.content.decode())
    assert len(set(shown)) == 1
    assert first.content == second.content
    with connection.cursor() as cursor:
        cursor.execute("SELECT body, key FROM core_idempotentrequest")
        stored = "".join(map(str, cursor.fetchall()))
    assert shown[0] not in stored
    assert form["_once"][0] not in stored
    assert IdempotentRequest.objects.count() == 1


def test_a_second_one_with_another_text_is_another_one(owner: Membership) -> None:
    client = browser(owner)
    form = form_of(client.get("/app/knowledge/new/"), "question") | {"answer": "Yes."}
    for question in ("Open?", "Open on Sunday?", "Open?"):
        client.post("/app/knowledge/new/", form | {"question": question})
    assert Faq.objects.count() == 2


def test_a_second_one_with_another_file_is_another_one(owner: Membership) -> None:
    client = browser(owner)
    form = form_of(client.get("/app/import/faqs/new/"), "text")
    places = []
    for question in ("Alpha?", "Beta?", "Alpha?"):
        text = f"question,answer\n{question},Yes.\n".encode()
        sent = form | {"file": SimpleUploadedFile("faqs.csv", text)}
        places.append(client.post("/app/import/faqs/new/", sent)["Location"])
    assert places[0] == places[2] != places[1]
    assert Import.objects.count() == 2


def test_a_refused_form_may_be_sent_again(owner: Membership) -> None:
    client = browser(owner)
    form = form_of(client.get("/app/settings/teams/new/"), "name")
    assert client.post("/app/settings/teams/new/", form | {"name": ""}).status_code == 422
    assert not IdempotentRequest.objects.exists()
    assert client.post("/app/settings/teams/new/", form | {"name": "North"}).status_code == 302


def test_the_answer_of_one_person_is_never_given_to_another(
    owner: Membership, colleague: Membership
) -> None:
    colleague.role = "admin"
    colleague.save()
    form = form_of(browser(owner).get(KEYS), "lifetime") | {"name": "A", "scopes": ["inbox:read"]}
    browser(owner).post(KEYS, form)
    answer = browser(colleague).post(KEYS, form)
    assert answer.status_code == 409
    assert ApiKey.objects.count() == 1


PAGE = {"Accept": "text/html"}


def _later(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the stored answers older by some seconds, for the database and for their cipher."""
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(seconds=seconds))
    encrypt = time.time
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: encrypt() + seconds)


def test_a_form_that_adds_a_row_asks_when_it_is_sent_again_later(
    owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was lost, and the page is loaded again a minute later, or a day."""
    page = "/app/customers/new/"
    client = browser(owner)
    form = form_of(client.get(page), "name") | {"name": "Ana", "phone": "0901234567"}
    saved = client.post(page, form)["Location"]
    assert client.post(page, form)["Location"] == saved
    _later(120, monkeypatch)
    purge_form_answers()
    again = client.post(page, form, headers=PAGE)
    shown = again.content.decode()
    assert (again.status_code, Customer.objects.count()) == (409, 1)
    assert "0901234567" in shown
    assert f'href="{saved}"' in shown
    assert "This was saved already" in shown
    assert "refused" not in shown
    told = client.post(page, form).json()
    assert (told["code"], told["location"]) == ("form_sent_before", saved)
    # Whoever wants the same once more says so.
    once_more = form_of(again, "phone")
    assert once_more["_once"] != form["_once"]
    assert client.post(page, once_more).status_code == 302
    assert Customer.objects.count() == 2


def test_a_form_that_adds_a_row_asks_also_after_something_else_was_done(
    owner: Membership, customer: Customer
) -> None:
    page, other = "/app/customers/new/", f"/app/customers/{customer.pk}/"
    client = browser(owner)
    form = form_of(client.get(page), "name") | {"name": "Ana"}
    client.post(page, form)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(seconds=10))
    note = form_of(client.get(other), "text") | {"text": "5500000"}
    assert client.post(f"{other}notes/", note).status_code == 302
    assert client.post(page, form).json()["code"] == "form_sent_before"
    assert Customer.objects.count() == 2


def test_what_was_undone_since_is_done_again_from_an_older_page(
    owner: Membership, faq: Faq
) -> None:
    """Within the minute in which the same form is answered as before: “Hidden” would be untrue."""
    page = f"/app/knowledge/{faq.pk}/edit/"
    client = browser(owner)

    def act(fields: dict[str, Any], action: str) -> None:
        # Without the version, which would refuse it: what counts here is the answer.
        sent = fields | {"action": action, "rows": str(faq.pk)}
        assert client.post("/app/knowledge/bulk/run/", sent).status_code == 302

    first = form_of(client.get(page), "_once")
    act(first, "hide")
    # A moment goes by: the two are not of two tabs at once.
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(seconds=10))
    second = form_of(client.get(page), "_once")
    act(second, "publish")
    act(first, "hide")
    faq.refresh_from_db()
    assert not faq.is_published


def test_a_form_without_a_once_key_of_its_own_counts_as_done_since(owner: Membership) -> None:
    page = "/app/settings/teams/new/"
    client = browser(owner)
    form = form_of(client.get(page), "name") | {"name": "North"}
    client.post(page, form)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(seconds=10))
    team = Team.objects.get()
    detail = f"/app/settings/teams/{team.pk}/"
    client.post(f"{detail}delete/", form_of(client.get(detail), "_version"))
    assert not Team.objects.exists()
    asked = client.post(page, form, headers=PAGE)
    assert (asked.status_code, Team.objects.count()) == (409, 0)
    client.post(page, form_of(asked, "name"))
    assert Team.objects.get().name == "North"


def test_a_second_press_after_a_while_is_still_the_same(owner: Membership) -> None:
    page = "/app/settings/teams/new/"
    client = browser(owner)
    form = form_of(client.get(page), "name") | {"name": "North"}
    client.post(page, form)
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(seconds=10))
    for _press in range(2):
        assert client.post(page, form).status_code == 302
    assert Team.objects.count() == 1

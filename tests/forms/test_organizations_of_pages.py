"""Entry 18: a page belongs to the organization, and the person, that it was made for."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.authentication.models import EndReason, SecuritySettings, UserSession
from crm.authentication.services.sessions import RECORD_KEY
from crm.core.executor import run_sync
from crm.core.ids import uuid7
from crm.organizations.models import Membership, User
from knowledge.models import Faq, FaqCategory
from tests.chat.clients import as_agent, connected, cookie_of, opened
from tests.conftest import PASSWORD
from tests.forms.browsers import browser, form_of, switch
from tests.servers import LiveServer

NEW = "/app/knowledge/new/"


def _written(client: Client, **more: Any) -> dict[str, Any]:
    return form_of(client.get(NEW), "question") | {
        "question": "Is it halal?",
        "answer": "Yes,\r\nall of it.",
        **more,
    }


def test_a_form_of_one_organization_is_not_saved_in_another(
    owner: Membership, elsewhere: Membership
) -> None:
    client = browser(owner)
    form = _written(client)
    switch(client, elsewhere)
    refused = client.post(NEW, form)
    assert refused.status_code == 409
    assert not Faq.objects.exists()
    text = refused.content.decode()
    assert "You switched to Inkwell in another tab, but this page belongs to Sunbean" in text
    assert "all of it." in text
    assert "Switch to Sunbean and save" in text
    # One press switches back and saves where the text belongs.
    kept = form_of(refused, "_kept")
    assert kept["answer"] == ["Yes,\r\nall of it."]
    assert client.post(NEW, kept).status_code == 302
    assert Faq.objects.get().organization_id == owner.organization_id
    assert client.get("/api/v1/organization").json()["id"] == str(owner.organization_id)


def test_text_is_kept_where_one_no_longer_belongs_to_the_organization(
    owner: Membership, elsewhere: Membership
) -> None:
    client = browser(owner)
    form = _written(client)
    switch(client, elsewhere)
    owner.is_active = False
    owner.save()
    refused = client.post(NEW, form)
    assert refused.status_code == 409
    assert "all of it." in refused.content.decode()
    assert "and save" not in refused.content.decode()
    answer = client.post(NEW, form | {"_switch": "1"})
    assert answer.status_code == 409
    assert not Faq.objects.exists()


def test_requests_of_scripts_name_their_organization(
    owner: Membership, elsewhere: Membership
) -> None:
    client = browser(owner)
    stamp = {"X-Organization": str(owner.organization_id), "X-Person": str(owner.user_id)}
    assert client.get("/api/v1/inbox/counts", headers=stamp).status_code == 200
    switch(client, elsewhere)
    for method, path in (
        ("GET", "/api/v1/inbox/counts"),
        ("PATCH", "/api/v1/organization"),
        ("GET", "/app/knowledge/"),
        ("POST", "/app/knowledge/ask/"),
    ):
        answer = client.generic(method, path, headers=stamp | {"HX-Request": "true"})
        assert (answer.status_code, answer.json()["code"]) == (409, "organization_switched"), path
        assert answer.json()["organization"] == str(owner.organization_id)


def test_whoever_has_several_organizations_must_name_one(
    owner: Membership, elsewhere: Membership
) -> None:
    client = browser(owner)
    answer = client.post("/app/knowledge/categories/", {"name": "Tea"})
    assert answer.status_code == 409
    assert not FaqCategory.objects.exists()
    answer = client.post("/api/v1/customers", {"name": "M"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "organization_unnamed")


def test_a_form_of_one_person_is_not_saved_as_another(owner: Membership, agent: Membership) -> None:
    client = browser(owner)
    form = form_of(client.get("/app/settings/profile/"), "name") | {"name": "Olga the Great"}
    client.force_login(agent.user)
    refused = client.post("/app/settings/profile/", form)
    assert refused.status_code == 409
    assert "Somebody else has logged in" in refused.content.decode()
    assert "Olga the Great" in refused.content.decode()
    assert not User.objects.filter(name="Olga the Great").exists()
    counts = client.get("/api/v1/inbox/counts", headers={"X-Person": str(owner.user_id)})
    assert counts.json()["code"] == "person_switched"


@pytest.mark.parametrize("path", ["/logout/", "/account/language/"])
def test_getting_out_and_personal_settings_ask_for_no_organization(
    owner: Membership, elsewhere: Membership, path: str
) -> None:
    client = browser(owner)
    switch(client, elsewhere)
    stamp = {"_organization": str(owner.organization_id), "_person": str(owner.user_id)}
    assert client.post(path, stamp | {"language": "vi"}).status_code == 302


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_a_socket_of_another_organization_is_refused(
    web_server: LiveServer, owner: Membership
) -> None:
    options = as_agent(web_server, await run_sync(cookie_of, owner))
    async with opened(web_server, "inbox", **options) as client:
        await client.send("hello", protocol=1, organization=str(uuid7()))
        refused = await client.receive("refused")
        assert refused["code"] == "organization_switched"
        assert await client.closed() == 4403
    own = {"organization": str(owner.organization_id)}
    async with connected(web_server, "inbox", options=options, **own):
        pass


def test_switching_back_asks_for_a_log_in_where_the_session_is_too_old_there(
    owner: Membership, elsewhere: Membership
) -> None:
    """The rules of the organization that is saved in hold, and the text waits for the log-in."""
    client = browser(owner)
    form = _written(client)
    switch(client, elsewhere)
    SecuritySettings.objects.create(
        organization=owner.organization, session_hours=1, idle_minutes=30
    )
    record = UserSession.objects.filter(pk=client.session[RECORD_KEY])
    record.update(created_at=timezone.now() - timedelta(hours=2))
    cache.clear()
    answer = client.post(NEW, form | {"_switch": "1"})
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{reverse('authentication:log_in')}?next=")
    assert not Faq.objects.exists()
    assert record.get().ended_because == EndReason.LAPSED
    credentials = {"email": owner.user.email, "password": PASSWORD}
    next_page = parse_qs(urlsplit(answer["Location"]).query)["next"][0]
    kept = client.post(
        reverse("authentication:log_in"), credentials | {"next": next_page}, follow=True
    )
    assert "all of it." in kept.content.decode()

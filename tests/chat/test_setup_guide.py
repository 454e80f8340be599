"""The setup checklist: each step is done when its fact is there, and by nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import Widget
from chat.onboarding import SetupState, setup_state
from chat.services.widgets import create_widget, record_seen, update_widget
from crm.organizations.models import Invitation, Membership, Organization
from crm.organizations.services.invitations import invite
from knowledge.services import FaqContent, create_faq, delete_faq
from tests.forms.browsers import form_of

START = reverse("chat:start")


@pytest.fixture
def as_owner(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def write_faqs(owner: Membership, count: int) -> list[Any]:
    return [
        create_faq(
            content=FaqContent(question=f"Q{n}?", answer="A.", language_code="en"),
            by=owner,
        )
        for n in range(count)
    ]


def test_each_step_follows_its_fact(owner: Membership, django_assert_num_queries: Any) -> None:
    assert setup_state(owner) == SetupState(
        has_site=False,
        is_styled=False,
        is_seen=False,
        faqs=0,
        has_colleague=False,
        is_dismissed=False,
    )
    widget = create_widget(by=owner, values={"name": "Shop", "allowed_domains": []})
    assert not setup_state(owner).has_site
    update_widget(by=owner, widget_id=widget.pk, values={"allowed_domains": ["shop.example"]})
    assert setup_state(owner).has_site
    assert not setup_state(owner).is_styled
    update_widget(by=owner, widget_id=widget.pk, values={"color": widget.color})
    assert setup_state(owner).is_styled
    record_seen(Widget.objects.get(), "https://shop.example")
    assert setup_state(owner).is_seen
    faqs = write_faqs(owner, 3)
    assert setup_state(owner).has_faqs
    delete_faq(faq_id=faqs[0].pk, by=owner)
    assert setup_state(owner).faqs == 2
    write_faqs(owner, 1)
    invite(by=owner, email="linh@sunbean.example", role="agent", address_of=str)
    with django_assert_num_queries(1):
        assert setup_state(owner).is_complete
    Invitation.objects.update(revoked_at=timezone.now())
    assert not setup_state(owner).has_colleague


def test_checklist_is_put_away_and_brought_back(as_owner: Client) -> None:
    assert "0 of 5 done" in as_owner.get(START).content.decode()
    inbox = reverse("chat:inbox")
    assert f'href="{START}"' in as_owner.get(inbox).content.decode()
    as_owner.post(reverse("chat:dismiss_start"))
    assert f'href="{START}"' not in as_owner.get(inbox).content.decode()
    as_owner.post(reverse("chat:dismiss_start"), {"to": "show"})
    assert f'href="{START}"' in as_owner.get(inbox).content.decode()


def test_navigation_offers_it_to_young_organizations(
    as_owner: Client, organization: Organization
) -> None:
    Organization.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert f'href="{START}"' not in as_owner.get(reverse("chat:inbox")).content.decode()
    assert as_owner.get(START).status_code == 200


def test_first_step_is_done_on_the_checklist_itself(as_owner: Client) -> None:
    answer = as_owner.post(
        START,
        {"name": "Shop", "allowed_domains": "shop.example"},
        follow=True,
    )
    assert answer.redirect_chain == [(START, 302)]
    assert "1 of 5 done" in answer.content.decode()
    assert Widget.objects.get().site_key in answer.content.decode()


def test_wrong_site_is_told_on_the_checklist_itself(as_owner: Client) -> None:
    answer = as_owner.post(START, {"name": "Shop", "allowed_domains": "fjord"})
    body = answer.content.decode()
    assert answer.status_code == 422
    for words in (
        "Get your chat going",
        "The chat was not created yet.",
        "Write the site as it stands in the address bar of a browser, for example shop.example",
        "Line 1: “fjord” lacks its ending. Write the whole domain, as fjord.com.",
    ):
        assert words in body
    assert form_of(answer, "allowed_domains")["allowed_domains"] == ["fjord"]
    assert not Widget.objects.exists()


@pytest.mark.parametrize("role", ["agent", "viewer"])
def test_checklist_is_for_those_who_set_up(
    request: pytest.FixtureRequest, client: Client, role: str
) -> None:
    client.force_login(request.getfixturevalue(role).user)
    assert client.get(START).status_code == 403
    assert client.post(reverse("chat:dismiss_start")).status_code == 403

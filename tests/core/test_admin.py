"""The operator's admin: one door, bounded lists, heads that cannot be edited."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from chat.models import Conversation
from crm.organizations.models import Membership, User
from tests.authentication.letters import last_letter, link_in
from tests.conftest import PASSWORD

LISTS = [
    "admin:organizations_user_changelist",
    "admin:organizations_organization_changelist",
    "admin:organizations_membership_changelist",
    "admin:customers_customer_changelist",
    "admin:chat_widget_changelist",
    "admin:chat_conversation_changelist",
]
MAX_QUERIES = 8


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    user = User.objects.create_superuser("root@sunbean.example", PASSWORD, name="Root")
    client.force_login(user)
    return client


@pytest.mark.parametrize("name", LISTS)
def test_lists_are_searchable_and_bounded_in_queries(
    operator: Client,
    conversation: Conversation,
    colleague: Membership,
    stranger: Membership,
    name: str,
    django_assert_max_num_queries,
) -> None:
    with django_assert_max_num_queries(MAX_QUERIES):
        assert operator.get(reverse(name), {"q": "sun"}).status_code == 200


def test_people_and_organizations_can_be_opened(operator: Client, agent: Membership) -> None:
    for name, key in [
        ("admin:organizations_user_change", agent.user_id),
        ("admin:organizations_organization_change", agent.organization_id),
        ("admin:organizations_membership_change", agent.pk),
    ]:
        assert operator.get(reverse(name, args=[key])).status_code == 200
    assert operator.get(reverse("admin:organizations_user_add")).status_code == 200


def test_nobody_can_set_anothers_password(operator: Client, agent: Membership) -> None:
    """Not at a new account, nor at one that is there: its owner is sent a link."""
    tried = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    form = {"email": "Fresh@Sunbean.example", "name": "Fresh", "language_code": "vi", **tried}
    inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    answer = operator.post(reverse("admin:organizations_user_add"), form | inline)
    assert answer.status_code == 302, answer.context["adminform"].errors
    fresh = User.objects.get(email="fresh@sunbean.example")
    assert not fresh.has_usable_password()
    letter = last_letter(fresh.email)
    assert (letter.kind, letter.language_code) == ("password_reset_key", "vi")
    link = Client().get(link_in(letter))
    chosen = Client()
    page = chosen.get(link_in(letter))["Location"]
    assert link.status_code == 302
    chosen.post(page, {"password1": "a lighthouse at dusk"})
    fresh.refresh_from_db()
    assert fresh.check_password("a lighthouse at dusk")
    before = agent.user.password
    change = reverse("admin:organizations_user_change", args=[agent.user_id])
    person = {"name": "Linh", "language_code": "en", "timezone": "UTC", "password": "x"}
    operator.post(change, person | tried | inline)
    operator.post(change.replace("/change/", "/password/"), tried)
    agent.user.refresh_from_db()
    assert (agent.user.name, agent.user.password) == ("Linh", before)
    names = [getattr(pattern, "name", "") for pattern in admin.site.get_urls()]
    assert not [name for name in names if name and "user_password" in name]


def test_no_filter_finds_out_a_hash(operator: Client, agent: Membership) -> None:
    page = reverse("admin:organizations_user_changelist")
    answer = operator.get(page, {"password__startswith": agent.user.password[:20]})
    assert answer.status_code == 400


def test_conversation_heads_are_read_only(operator: Client, conversation: Conversation) -> None:
    url = reverse("admin:chat_conversation_change", args=[conversation.pk])
    assert operator.get(url).status_code == 200
    assert operator.post(url, {"status": "closed"}).status_code == 403
    conversation.refresh_from_db()
    assert conversation.status == "bot"
    assert operator.get(reverse("admin:chat_conversation_add")).status_code == 403


def test_anonymous_comes_in_through_the_one_log_in_page(client: Client, db: None) -> None:
    asked = client.get(reverse("admin:index"))
    sent_on = client.get(asked["Location"])
    assert sent_on["Location"] == "/login/?next=%2Fadmin%2F"
    tried = client.post(reverse("admin:login"), {"username": "a", "password": "b"})
    assert tried.status_code == 302


def test_member_who_is_no_operator_is_turned_away(client: Client, agent: Membership) -> None:
    client.force_login(agent.user)
    asked = client.get(reverse("admin:index"))
    assert client.get(asked["Location"]).status_code == 403

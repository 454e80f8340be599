"""Counts, search and single conversations of the inbox API."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import Conversation, Sender, SenderType, Widget
from chat.services import (
    close,
    mark_seen_by_agent,
    post_message,
    take_over,
)
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.chat.inbox_lists import COUNTS, LIST, MAX_QUERIES, ids
from tests.conftest import make_conversation


@pytest.fixture
def api(client: Client, agent: Membership) -> Client:
    client.force_login(agent.user)
    return client


def test_counts_are_one_query_beside_who_asks(
    api: Client, conversation: Conversation, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(MAX_QUERIES) as counted:
        api.get(COUNTS)
    assert sum("chat_conversation" in query["sql"] for query in counted.captured_queries) == 1


def test_unread_is_each_readers_own(
    api: Client, agent: Membership, colleague: Membership, conversation: Conversation
) -> None:
    whose: dict[str, Any] = {
        "organization_id": conversation.organization_id,
        "conversation_id": conversation.pk,
    }
    mark_seen_by_agent(**whose, user=agent.user, seq=1)
    customer = conversation.customer
    sender = Sender(type=SenderType.CUSTOMER, id=str(customer.pk), name="Minh")
    for number in range(2):
        content = {"type": "text", "text": "More"}
        post_message(**whose, sender=sender, content=content, client_message_id=f"m{number}")

    def unread(membership: Membership) -> int:
        api.force_login(membership.user)
        return api.get(LIST, {"status": "bot"}).json()["rows"][0]["unread"]

    assert (unread(agent), unread(colleague)) == (2, 3)


def test_what_somebody_of_the_team_answered_is_unread_for_nobody(
    api: Client, agent: Membership, colleague: Membership, conversation: Conversation
) -> None:
    whose: dict[str, Any] = {
        "organization_id": conversation.organization_id,
        "conversation_id": conversation.pk,
    }
    take_over(**whose, by=agent)
    replier = Sender(type=SenderType.AGENT, id=str(agent.user_id), name="Linh")
    customer = Sender(type=SenderType.CUSTOMER, id=str(conversation.customer_id), name="Minh")

    def say(sender: Sender, key: str, kind: str = "text") -> None:
        content = {"type": kind, "text": "Words"}
        post_message(**whose, sender=sender, content=content, client_message_id=key)

    def unread() -> list[tuple[int, int]]:
        """Give each one's unread messages, and unread conversations that are theirs or nobody's."""
        told = []
        for membership in (agent, colleague):
            api.force_login(membership.user)
            [row] = api.get(LIST).json()["rows"]
            told.append((row["unread"], api.get(COUNTS).json()["unread"]))
        return told

    assert unread() == [(1, 1), (1, 0)]
    say(replier, "note", "note")
    assert unread() == [(1, 1), (1, 0)]
    say(replier, "reply")
    assert unread() == [(0, 0), (0, 0)]
    say(customer, "more")
    say(customer, "even-more")
    assert unread() == [(2, 1), (2, 0)]
    mark_seen_by_agent(**whose, user=colleague.user, seq=100)
    assert unread() == [(2, 1), (0, 0)]
    close(**whose, by=agent)
    conversation.refresh_from_db()
    assert conversation.answered_inbound_total == conversation.inbound_total == 3


def test_what_the_bot_answered_is_still_unread(api: Client, conversation: Conversation) -> None:
    post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=Sender(type=SenderType.BOT, id="bot", name="Assistant"),
        content={"type": "text", "text": "Yes"},
        client_message_id="bot-reply-to-1",
    )
    [row] = api.get(LIST, {"status": "bot"}).json()["rows"]
    assert row["unread"] == 1


def test_search_finds_customers_in_every_state(
    api: Client,
    agent: Membership,
    stranger: Membership,
    organization: Any,
    widget: Widget,
    conversation: Conversation,
) -> None:
    people = [("Вера Ильина", "vera@mail.example"), ("Đỗ Lan", ""), ("", "minh.d@mail.example")]
    made = []
    for number, (name, email) in enumerate(people):
        customer = Customer.objects.create(organization=organization, name=name, email=email)
        made.append(make_conversation(customer, widget, f"searched-{number}"))
    close(organization_id=organization.pk, conversation_id=made[0].pk, by=agent)
    Customer.objects.create(organization=stranger.organization, name="Minh of Inkwell")

    def found(text: str) -> list[str]:
        return ids(api.get(LIST, {"search": text, "box": "mine", "status": "open"}))

    assert found("вера") == [str(made[0].pk)]
    assert found("đỗ") == [str(made[1].pk)]
    assert found("MINH") == [str(made[2].pk), str(conversation.pk)]
    assert found("mail.example") == [str(made[2].pk), str(made[0].pk)]
    assert found("Inkwell") == []
    # These are letters here, not wildcards.
    assert found("%%") == []
    assert found("__") == []
    first = api.get(LIST, {"search": "minh", "limit": "1"}).json()
    rest = api.get(LIST, {"search": "minh", "limit": "1", "cursor": first["next"]})
    assert ids(rest) == [str(conversation.pk)]


@pytest.mark.parametrize(
    "query",
    [
        {"search": "x" * 201},
        {"search": "a\x00b"},
        {"box": "everything"},
        {"status": "deleted"},
        {"order": "oldest"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"cursor": "x"},
        {"cursor": "MjAyNi0xMS0yMXww"},
        {"cursor": "é" * 20},
        {"cursor": "a" * 300},
        {"cursor": "MjAyNi0xMS0yMVQwMDowMDowMHwwMTg5MDAwMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDA"},
    ],
)
def test_queries_that_cannot_be_used_are_refused(api: Client, query: dict[str, str]) -> None:
    answer = api.get(LIST, query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_field")
    assert answer["Content-Type"] == "application/problem+json"


# --- One conversation -----------------------------------------------------------------------------


def test_detail_tells_of_the_customer_and_their_other_conversations(
    api: Client, agent: Membership, conversation: Conversation, widget: Widget
) -> None:
    close(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    second = make_conversation(conversation.customer, widget, "second")
    told = api.get(reverse("chat:conversation", args=[second.pk])).json()
    assert told["customer"]["name"] == "Minh"
    assert told["widget"] == "Shop"
    assert [other["id"] for other in told["others"]] == [str(conversation.pk)]
    assert told["seen_seq"] == 0


def test_history_goes_back_page_by_page(
    api: Client, agent: Membership, conversation: Conversation
) -> None:
    whose: dict[str, Any] = {
        "organization_id": conversation.organization_id,
        "conversation_id": conversation.pk,
    }
    sender = Sender(type=SenderType.AGENT, id=str(agent.user_id), name="Linh")
    for number in range(6):
        content = {"type": "note", "text": f"Note {number}"}
        post_message(**whose, sender=sender, content=content, client_message_id=f"n{number}")
    url = reverse("chat:conversation_messages", args=[conversation.pk])
    newest = api.get(url, {"limit": "3"}).json()
    assert [event["seq"] for event in newest["events"]] == [5, 6, 7]
    assert newest["has_more"] is True
    assert newest["epoch"] == conversation.epoch
    middle = api.get(url, {"limit": "3", "before": "5"}).json()
    assert [event["seq"] for event in middle["events"]] == [2, 3, 4]
    first = api.get(url, {"limit": "3", "before": "2"}).json()
    assert [event["seq"] for event in first["events"]] == [1]
    assert first["has_more"] is False
    # The team sees notes, with who wrote them.
    assert newest["events"][0]["data"]["sender"]["id"] == str(agent.user_id)


@pytest.mark.parametrize("query", [{"before": "0"}, {"before": "-1"}, {"limit": "1000"}])
def test_history_refuses_what_is_no_place(
    api: Client, conversation: Conversation, query: dict[str, str]
) -> None:
    url = reverse("chat:conversation_messages", args=[conversation.pk])
    assert api.get(url, query).status_code == 400


def test_assignable_are_those_who_may_answer(
    api: Client, agent: Membership, colleague: Membership, viewer: Membership, stranger: Membership
) -> None:
    Membership.objects.filter(pk=colleague.pk).update(is_active=False)
    found = api.get(reverse("chat:inbox_agents")).json()["agents"]
    assert [(each["name"], each["is_me"]) for each in found] == [("Linh", True)]

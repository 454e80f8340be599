"""What the inbox's API shows to whom, in how many queries, and what it refuses."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat import inbox
from chat.models import Conversation, Message, Sender, SenderType, Widget
from chat.services import (
    assign,
    close,
    delete_message,
    hand_off,
    mark_seen_by_agent,
    post_message,
    snooze,
    take_over,
)
from chat.services.alerts import alert_settings, change_alert_settings
from crm.accounts.models import Membership
from crm.core import tenancy
from crm.customers.models import Customer
from tests.conftest import make_conversation

LIST = reverse("chat:inbox_conversations")
COUNTS = reverse("chat:inbox_counts")
MOST_QUERIES = 6


@pytest.fixture
def api(client: Client, agent: Membership) -> Client:
    client.force_login(agent.user)
    return client


def many(organization: Any, widget: Widget, number: int) -> list[Conversation]:
    made = []
    for each in range(number):
        customer = Customer.objects.create(organization=organization, name=f"Customer {each}")
        conversation = make_conversation(customer, widget, f"first-{each}")
        hand_off(organization_id=organization.pk, conversation_id=conversation.pk, reason="asked")
        made.append(conversation)
    return made


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json()["rows"]]


# --- The list -------------------------------------------------------------------------------------


def test_row_says_all_that_the_list_shows(
    api: Client, agent: Membership, conversation: Conversation
) -> None:
    take_over(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    [row] = api.get(LIST, {"box": "mine"}).json()["rows"]
    assert row["customer"]["name"] == "Minh"
    assert row["assignee"] == {"id": str(agent.user_id), "name": "Linh"}
    assert row["last_message"]["text"] == "Do you ship to Manila?"
    assert row["last_message"]["sender_type"] == "customer"
    assert (row["status"], row["channel"], row["unread"]) == ("open", "website", 1)
    assert row["waiting_since"] is not None


def test_boxes_and_statuses_part_the_conversations(
    api: Client,
    agent: Membership,
    colleague: Membership,
    organization: Any,
    widget: Widget,
    conversation: Conversation,
) -> None:
    mine, theirs, free, done, asleep = many(organization, widget, 5)
    whose = {"organization_id": organization.pk}
    take_over(**whose, conversation_id=mine.pk, by=agent)
    assign(**whose, conversation_id=theirs.pk, assignee_id=colleague.user_id, by=agent)
    close(**whose, conversation_id=done.pk, by=agent)
    until = timezone.now() + timedelta(hours=1)
    snooze(**whose, conversation_id=asleep.pk, until=until, by=agent)
    found = {
        (box, status): set(ids(api.get(LIST, {"box": box, "status": status})))
        for box in ("mine", "unassigned", "all")
        for status in ("open", "pending", "snoozed", "closed")
    }
    expected: dict[tuple[str, str], set[str]] = {key: set() for key in found} | {
        ("mine", "open"): {str(mine.pk)},
        ("unassigned", "open"): {str(free.pk)},
        ("all", "open"): {str(mine.pk), str(theirs.pk), str(free.pk)},
        ("unassigned", "pending"): {str(conversation.pk)},
        ("all", "pending"): {str(conversation.pk)},
        ("unassigned", "snoozed"): {str(asleep.pk)},
        ("all", "snoozed"): {str(asleep.pk)},
        ("unassigned", "closed"): {str(done.pk)},
        ("all", "closed"): {str(done.pk)},
    }
    assert found == expected
    counts = api.get(COUNTS).json()["counts"]
    assert {
        (box, status): number
        for box, by_status in counts.items()
        for status, number in by_status.items()
    } == {key: len(value) for key, value in expected.items()}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_join_without_gap_or_repetition(
    api: Client, organization: Any, widget: Widget, limit: int
) -> None:
    made = [each.pk for each in many(organization, widget, 7)]
    # Three that wait since the same moment, and three answered at one: only the id can part them.
    moment = timezone.now() - timedelta(days=1)
    Conversation.objects.filter(pk__in=made[1:4]).update(waiting_since=moment)
    Conversation.objects.filter(pk__in=made[4:]).update(waiting_since=None, last_message_at=moment)
    seen: list[str] = []
    cursor = None
    for _page in range(7 // limit + 1):
        query = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        answer = api.get(LIST, query).json()
        seen += [row["id"] for row in answer["rows"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert cursor is None
    # Whoever waits longest, then the newest of those who do not wait.
    assert seen == [str(pk) for pk in [*made[1:4], made[0], *reversed(made[4:])]]


def test_open_list_begins_with_the_longest_wait_and_others_with_the_newest(
    api: Client, organization: Any, widget: Widget
) -> None:
    first, second = many(organization, widget, 2)
    assert ids(api.get(LIST)) == [str(first.pk), str(second.pk)]
    Conversation.objects.update(status="closed")
    assert ids(api.get(LIST, {"status": "closed"})) == [str(second.pk), str(first.pk)]


def test_cursor_of_another_order_is_refused(api: Client, organization: Any, widget: Widget) -> None:
    many(organization, widget, 2)
    cursor = api.get(LIST, {"limit": "1"}).json()["next"]
    refused = api.get(LIST, {"status": "closed", "cursor": cursor})
    assert (refused.status_code, refused.json()["field"]) == (400, "cursor")


@pytest.mark.usefixtures("conversation")
def test_longest_wait_is_read_from_an_index_as_the_applications_role(agent: Membership) -> None:
    with tenancy.organization(agent.organization_id), connection.cursor() as cursor:
        # So few rows are read faster without an index, whose order is asked for here.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        for box in inbox.Box:
            found = inbox.in_box(agent, box).with_status("open").waiting().longest_wait_first()
            first = found[:31].explain()
            behind = found.waiting_less_than(timezone.now(), agent.pk)[:31].explain()
            for plan in (first, behind):
                # Of so few rows either costs the same.
                assert re.search("Index Scan using inbox_by_(assignee_and_)?wait", plan)
                assert "Sort" not in plan


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_newest_come_first_where_that_is_asked_for(
    api: Client, organization: Any, widget: Widget, limit: int
) -> None:
    made = [each.pk for each in many(organization, widget, 5)]
    moment = timezone.now() + timedelta(days=1)
    Conversation.objects.filter(pk__in=made[:2]).update(last_message_at=moment)
    # One who waits for nobody is not put behind the others.
    Conversation.objects.filter(pk=made[4]).update(waiting_since=None)
    seen: list[str] = []
    cursor = None
    for _page in range(5 // limit + 1):
        query = {"order": "newest", "limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        answer = api.get(LIST, query).json()
        seen += [row["id"] for row in answer["rows"]]
        cursor = answer["next"]
        if cursor is None:
            break
    wanted = [str(pk) for pk in (made[1], made[0], made[4], made[3], made[2])]
    assert (seen, cursor) == (wanted, None)
    told = api.get("/app/inbox/?order=newest").context
    assert [row["row"]["id"] for row in told["rows"]] == wanted
    assert told["state"]["order"] == "newest"
    # A cursor of the longest wait leads nowhere here.
    by_wait = api.get(LIST, {"limit": "1"}).json()["next"]
    refused = api.get(LIST, {"order": "newest", "cursor": by_wait})
    assert (refused.status_code, refused.json()["field"]) == (400, "cursor")


@pytest.mark.usefixtures("conversation")
def test_newest_are_read_from_an_index_as_the_applications_role(agent: Membership) -> None:
    with tenancy.organization(agent.organization_id), connection.cursor() as cursor:
        # So few rows are read faster without an index, whose order is asked for here.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        for box in inbox.Box:
            found = inbox.in_box(agent, box).with_status("open").newest_first()
            first = found[:31].explain()
            behind = found.older_than(timezone.now(), agent.pk)[:31].explain()
            for plan in (first, behind):
                assert re.search("Index Scan using inbox_by_(status|assignee)", plan)
                assert "Sort" not in plan


def test_in_a_list_of_the_newest_a_colleagues_note_stands_with_its_own_time(
    api: Client, organization: Any, widget: Widget, owner: Membership
) -> None:
    [handed_off] = many(organization, widget, 1)
    post_message(
        organization_id=organization.pk,
        conversation_id=handed_off.pk,
        sender=Sender(type=SenderType.AGENT, id=str(owner.user_id), name="Olga"),
        content={"type": "note", "text": "Who takes this?"},
        client_message_id="note",
    )
    [words] = api.get("/app/inbox/?order=newest").context["rows"]
    assert (words["author"], words["text"]) == ("Note: ", "Who takes this?")
    assert words["moment"] == words["row"]["last_message_at"]


def test_rows_and_details_tell_what_the_owner_calls_the_bot(
    api: Client, conversation: Conversation, widget: Widget
) -> None:
    answered = Sender(type=SenderType.BOT, id="bot", name="Assistant")
    post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=answered,
        content={"type": "text", "text": "Yes"},
        client_message_id="bot-reply-to-1",
    )
    page = f"/app/inbox/{conversation.pk}/?status=pending"

    def told() -> tuple[str, str, str]:
        context = api.get(page).context
        [row] = context["rows"]
        row_told = api.get(LIST, {"status": "pending"}).json()["rows"][0]
        return row["author"], context["entries"][-1]["author"], row_told["bot_name"]

    assert told() == ("Bot: ", "Assistant", "")
    widget.texts = {"vi": {"bot_name": "Bé Cà Phê"}, "en": {"bot_name": "Beanie"}}
    widget.save(update_fields=["texts"])
    assert told() == ("Beanie: ", "Beanie", "Beanie")
    Conversation.objects.update(language_code="vi")
    assert told() == ("Bé Cà Phê: ", "Bé Cà Phê", "Bé Cà Phê")


def test_sound_is_switched_without_touching_other_alerts(
    api: Client, agent: Membership, colleague: Membership
) -> None:
    change_alert_settings(by=agent, sound=True, desktop=True, email=False, email_after_minutes=30)
    change_alert_settings(by=colleague, sound=True, desktop=True, email=True, email_after_minutes=5)
    url = reverse("chat:inbox_alerts")
    for sound in (False, False, True):
        told = api.patch(url, {"sound": sound}, content_type="application/json")
        assert (told.status_code, told.json()) == (200, {"sound": sound, "desktop": True})
        own = alert_settings(agent)
        assert (own.sound, own.desktop, own.email, own.email_after_minutes) == (
            sound,
            True,
            False,
            30,
        )
        assert alert_settings(colleague).sound
    refused = api.patch(url, {"sound": "loud"}, content_type="application/json")
    assert refused.status_code == 400


def test_what_arrives_meanwhile_does_not_shift_the_next_page(
    api: Client, organization: Any, widget: Widget
) -> None:
    made = many(organization, widget, 4)
    first = api.get(LIST, {"limit": "2"}).json()
    many(organization, widget, 1)
    second = ids(api.get(LIST, {"limit": "2", "cursor": first["next"]}))
    assert second == [str(made[2].pk), str(made[3].pk)]


def test_row_holds_the_customers_last_words_whatever_was_said_after_them(
    api: Client, organization: Any, widget: Widget, owner: Membership
) -> None:
    [handed_off] = many(organization, widget, 1)
    post_message(
        organization_id=organization.pk,
        conversation_id=handed_off.pk,
        sender=Sender(type=SenderType.AGENT, id=str(owner.user_id), name="Olga"),
        content={"type": "note", "text": "Who takes this?"},
        client_message_id="note",
    )
    [row] = api.get(LIST).json()["rows"]
    assert row["last_message"]["text"] == "Who takes this?"
    question = Message.objects.numbered(organization.pk, handed_off.pk, 1)
    assert question is not None
    asked = question.timestamp.isoformat()
    assert row["last_customer_message"] == {
        "seq": 1,
        "type": "text",
        "text": "Do you ship to Manila?",
        "timestamp": asked,
    }
    [words] = api.get("/app/inbox/").context["rows"]
    assert (words["author"], words["text"]) == ("", "Do you ship to Manila?")
    assert words["moment"] == asked != row["last_message_at"]
    delete_message(conversation_id=handed_off.pk, message_id=question.message_id, by=owner)
    [row] = api.get(LIST).json()["rows"]
    assert row["last_customer_message"] == {
        "seq": 1,
        "type": "text",
        "text": "",
        "timestamp": asked,
        "is_deleted": True,
    }


def test_list_takes_the_same_few_queries_for_one_row_and_for_many(
    api: Client,
    organization: Any,
    agent: Membership,
    widget: Widget,
    django_assert_max_num_queries: Any,
) -> None:
    for each in many(organization, widget, 12):
        take_over(organization_id=organization.pk, conversation_id=each.pk, by=agent)
    api.get(LIST)
    with django_assert_max_num_queries(MOST_QUERIES) as one:
        assert len(ids(api.get(LIST, {"limit": "1"}))) == 1
    with django_assert_max_num_queries(MOST_QUERIES) as twelve:
        assert len(ids(api.get(LIST))) == 12
    # One more where the page goes on behind those who wait.
    assert len(twelve) <= len(one) + 1


def test_counts_are_one_query_beside_who_asks(
    api: Client, conversation: Conversation, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(MOST_QUERIES) as counted:
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
        return api.get(LIST, {"status": "pending"}).json()["rows"][0]["unread"]

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
    [row] = api.get(LIST, {"status": "pending"}).json()["rows"]
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
        {"search": "x"},
        {"search": "x" * 101},
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

"""Lists of the inbox API: rows, order, pages, and the number of queries."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat import inbox
from chat.models import Conversation, Message, Sender, SenderType, Widget
from chat.services import (
    assign,
    close,
    delete_message,
    post_message,
    snooze,
    take_over,
)
from chat.services.alerts import alert_settings, change_alert_settings
from crm.core import tenancy
from crm.organizations.models import Membership
from tests.chat.inbox_lists import COUNTS, LIST, MAX_QUERIES, ids, many


@pytest.fixture
def api(client: Client, agent: Membership) -> Client:
    client.force_login(agent.user)
    return client


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
        for status in ("open", "bot", "snoozed", "closed")
    }
    expected: dict[tuple[str, str], set[str]] = {key: set() for key in found} | {
        ("mine", "open"): {str(mine.pk)},
        ("unassigned", "open"): {str(free.pk)},
        ("all", "open"): {str(mine.pk), str(theirs.pk), str(free.pk)},
        ("unassigned", "bot"): {str(conversation.pk)},
        ("all", "bot"): {str(conversation.pk)},
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


def require_index_order(
    agent: Membership,
    pages: Callable[[inbox.InboxFilter], tuple[QuerySet[Any], QuerySet[Any]]],
    name: str,
) -> None:
    """Require that both pages of each box come sorted from the index ``name``, a pattern."""
    with tenancy.organization(agent.organization_id), connection.cursor() as cursor:
        # So few rows are read faster without an index, whose order is asked for here.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_incremental_sort = off")
        for box in inbox.InboxFilter:
            for page in pages(box):
                plan = page[:31].explain()
                assert re.search(f"Index Scan using {name}", plan)
                assert "Sort" not in plan


@pytest.mark.usefixtures("conversation")
def test_longest_wait_is_read_from_an_index_as_the_applications_role(agent: Membership) -> None:
    def pages(box: inbox.InboxFilter) -> tuple[QuerySet[Any], QuerySet[Any]]:
        found = inbox.in_box(agent, box).with_status("open").waiting().longest_wait_first()
        return found, found.waiting_less_than(timezone.now(), agent.pk)

    # Of so few rows either index costs the same.
    require_index_order(agent, pages, "inbox_by_(assignee_and_)?wait")


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
    def pages(box: inbox.InboxFilter) -> tuple[QuerySet[Any], QuerySet[Any]]:
        found = inbox.in_box(agent, box).with_status("open").newest_first()
        return found, found.older_than(timezone.now(), agent.pk)

    require_index_order(agent, pages, "inbox_by_(status|assignee)")


def test_in_a_list_of_the_newest_a_colleagues_note_stands_with_its_own_time(
    api: Client, organization: Any, widget: Widget, owner: Membership
) -> None:
    [escalated] = many(organization, widget, 1)
    post_message(
        organization_id=organization.pk,
        conversation_id=escalated.pk,
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
    page = f"/app/inbox/{conversation.pk}/?status=bot"

    def told() -> tuple[str, str, str]:
        context = api.get(page).context
        [row] = context["rows"]
        row_told = api.get(LIST, {"status": "bot"}).json()["rows"][0]
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
    [escalated] = many(organization, widget, 1)
    post_message(
        organization_id=organization.pk,
        conversation_id=escalated.pk,
        sender=Sender(type=SenderType.AGENT, id=str(owner.user_id), name="Olga"),
        content={"type": "note", "text": "Who takes this?"},
        client_message_id="note",
    )
    [row] = api.get(LIST).json()["rows"]
    assert row["last_message"]["text"] == "Who takes this?"
    question = Message.objects.numbered(organization.pk, escalated.pk, 1)
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
    delete_message(conversation_id=escalated.pk, message_id=question.message_id, by=owner)
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
    with django_assert_max_num_queries(MAX_QUERIES) as one:
        assert len(ids(api.get(LIST, {"limit": "1"}))) == 1
    with django_assert_max_num_queries(MAX_QUERIES) as twelve:
        assert len(ids(api.get(LIST))) == 12
    # One more where the page goes on behind those who wait.
    assert len(twelve) <= len(one) + 1

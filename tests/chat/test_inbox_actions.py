"""What an agent does with a conversation over HTTP, and who may."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chat.bot import bot_sender
from chat.errors import ConversationChanged
from chat.models import Conversation, Message, Sender, SenderType
from chat.services import escalate, post_message, require_state
from crm.organizations.models import Membership

LIST = reverse("chat:inbox_conversations")
COUNTS = reverse("chat:inbox_counts")


@pytest.fixture
def api(client: Client, agent: Membership) -> Client:
    client.force_login(agent.user)
    return client


def ids(answer: Any) -> list[str]:
    return [row["id"] for row in answer.json()["rows"]]


def act(api: Client, conversation: Conversation, verb: str, body: Any = None) -> Any:
    url = reverse(f"chat:{verb}", args=[conversation.pk])
    return api.post(url, body or {}, content_type="application/json")


def status_of(conversation: Conversation) -> tuple[str, UUID | None]:
    conversation.refresh_from_db()
    return conversation.status, conversation.assignee_id


def test_agent_takes_over_and_hands_back(
    api: Client, agent: Membership, conversation: Conversation
) -> None:
    answer = act(api, conversation, "take_over")
    assert answer.status_code == 200
    assert answer.json()["conversation"]["assignee"]["id"] == str(agent.user_id)
    assert status_of(conversation) == ("open", agent.user_id)
    assert act(api, conversation, "return_to_bot").json()["conversation"]["status"] == "bot"
    assert status_of(conversation) == ("bot", None)


def test_agent_assigns_to_a_colleague_and_to_nobody(
    api: Client, colleague: Membership, conversation: Conversation
) -> None:
    act(api, conversation, "assign", {"assignee": str(colleague.user_id)})
    assert status_of(conversation) == ("open", colleague.user_id)
    act(api, conversation, "assign", {"assignee": None})
    assert status_of(conversation) == ("open", None)


def test_agent_closes_and_reopens(api: Client, conversation: Conversation) -> None:
    assert act(api, conversation, "close").json()["conversation"]["status"] == "closed"
    assert act(api, conversation, "take_over").json()["code"] == "conversation_closed"
    assert act(api, conversation, "reopen").json()["conversation"]["status"] == "open"


def test_an_action_on_an_expected_state_changes_no_other(
    api: Client, agent: Membership, colleague: Membership, conversation: Conversation
) -> None:
    left = act(api, conversation, "take_over").json()["conversation"]
    seen = {
        "status": left["status"],
        "assignee": left["assignee"]["id"],
        "snoozed_until": left["snoozed_until"],
    }
    act(api, conversation, "assign", {"assignee": str(colleague.user_id)})
    until = (timezone.now() + timedelta(hours=3)).isoformat()
    bodies: dict[str, dict[str, Any]] = {
        "assign": {"assignee": None},
        "snooze": {"until": until},
        "take_over": {},
        "return_to_bot": {},
        "close": {},
        "reopen": {},
    }
    for verb, body in bodies.items():
        refused = act(api, conversation, verb, {**body, "expected": seen})
        assert (refused.status_code, refused.json()["code"]) == (409, "conversation_changed")
        assert status_of(conversation) == ("open", colleague.user_id)
    seen["assignee"] = str(colleague.user_id)
    row = act(api, conversation, "snooze", {"until": until, "expected": seen}).json()
    seen |= {"status": "snoozed", "snoozed_until": row["conversation"]["snoozed_until"]}
    assert act(api, conversation, "return_to_bot", {"expected": seen}).status_code == 200
    assert status_of(conversation) == ("bot", None)


def test_an_expected_state_is_checked_under_the_lock(
    agent: Membership, conversation: Conversation
) -> None:
    named = {"organization_id": conversation.organization_id, "conversation_id": conversation.pk}
    with CaptureQueriesContext(connection) as queries, pytest.raises(ConversationChanged):
        require_state(by=agent, status="open", assignee=None, snoozed_until=None, **named)
    assert any("FOR UPDATE" in query["sql"] for query in queries)


def test_reopening_remembers_since_when_the_customer_waits(
    api: Client, agent: Membership, conversation: Conversation
) -> None:
    before = Conversation.objects.get(pk=conversation.pk).waiting_since
    assert before is not None
    assert act(api, conversation, "close").json()["conversation"]["waiting_since"] is None
    row = act(api, conversation, "reopen").json()["conversation"]
    assert row["waiting_since"] == before.isoformat()
    sender = Sender(type=SenderType.AGENT, id=str(agent.user_id), name="Linh")
    for kind, text in (("text", "An answer"), ("note", "A note")):
        post_message(
            organization_id=conversation.organization_id,
            conversation_id=conversation.pk,
            sender=sender,
            content={"type": kind, "text": text},
            client_message_id=f"after-{kind}",
        )
    act(api, conversation, "close")
    assert act(api, conversation, "reopen").json()["conversation"]["waiting_since"] is None


def test_agent_snoozes_until_a_time_in_the_future(api: Client, conversation: Conversation) -> None:
    until = (timezone.now() + timedelta(hours=3)).isoformat()
    row = act(api, conversation, "snooze", {"until": until}).json()["conversation"]
    assert (row["status"], row["snoozed_until"]) == ("snoozed", until)
    past = (timezone.now() - timedelta(minutes=1)).isoformat()
    refused = act(api, conversation, "snooze", {"until": past})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    # A year too far is a slip of the hand, and is told as one.
    slip = (timezone.now() + timedelta(days=6 * 365)).isoformat()
    refused = act(api, conversation, "snooze", {"until": slip})
    assert refused.json()["detail"] == "Choose a time within the next five years."


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("assign", {}),
        ("assign", {"assignee": "nobody"}),
        ("assign", {"assignee": {"$ne": None}}),
        ("assign", []),
        ("snooze", {}),
        ("snooze", {"until": "later"}),
        ("snooze", {"until": 12}),
    ],
)
def test_bodies_that_cannot_be_used_change_nothing(
    api: Client, conversation: Conversation, verb: str, body: Any
) -> None:
    answer = act(api, conversation, verb, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_field")
    assert status_of(conversation) == ("bot", None)
    assert len(Message.objects.after(conversation.organization_id, conversation.pk, 0)) == 1


def test_viewer_and_stranger_cannot_be_assigned(
    api: Client, viewer: Membership, stranger: Membership, conversation: Conversation
) -> None:
    for membership in (viewer, stranger):
        answer = act(api, conversation, "assign", {"assignee": str(membership.user_id)})
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_assignee")
    assert status_of(conversation) == ("bot", None)


# --- Who may --------------------------------------------------------------------------------------

ACTIONS = ["take_over", "return_to_bot", "assign", "close", "reopen", "snooze"]


@pytest.mark.parametrize("verb", ACTIONS)
def test_viewer_reads_but_changes_nothing(
    client: Client, viewer: Membership, conversation: Conversation, verb: str
) -> None:
    client.force_login(viewer.user)
    assert len(ids(client.get(LIST, {"status": "bot"}))) == 1
    assert client.get(reverse("chat:conversation", args=[conversation.pk])).status_code == 200
    answer = act(client, conversation, verb)
    assert (answer.status_code, answer.json()["code"]) == (403, "read_only")
    assert status_of(conversation) == ("bot", None)


@pytest.mark.parametrize("verb", ACTIONS)
def test_stranger_finds_nothing(
    client: Client, stranger: Membership, conversation: Conversation, verb: str
) -> None:
    client.force_login(stranger.user)
    assert ids(client.get(LIST, {"status": "bot"})) == []
    assert sum(client.get(COUNTS).json()["counts"]["all"].values()) == 0
    for name in ("chat:conversation", "chat:conversation_messages"):
        answer = client.get(reverse(name, args=[conversation.pk]))
        assert (answer.status_code, answer.json()["code"]) == (404, "conversation_not_found")
    page = client.get(reverse("chat:inbox_conversation", args=[conversation.pk]))
    assert page.status_code == 404
    answer = act(client, conversation, verb, {"assignee": None})
    assert (answer.status_code, answer.json()["code"]) == (404, "conversation_not_found")
    assert status_of(conversation) == ("bot", None)


def test_nobody_gets_in_without_logging_in(client: Client, conversation: Conversation) -> None:
    answer = client.get(LIST)
    assert answer.status_code in {401, 403}
    assert answer.json()["code"] == "not_authenticated"
    assert act(client, conversation, "close").json()["code"] == "not_authenticated"


def test_changes_need_the_pages_token(agent: Membership, conversation: Conversation) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(agent.user)
    answer = act(strict, conversation, "close")
    assert answer.status_code == 403
    assert status_of(conversation) == ("bot", None)


def test_invalid_json_is_a_clear_refusal(api: Client, conversation: Conversation) -> None:
    url = reverse("chat:assign", args=[conversation.pk])
    answer = api.post(url, "{not json", content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_reopening_gives_back_whom_the_bot_handed_over(
    api: Client, conversation: Conversation
) -> None:
    """The bot's last line is no answer: the customer waits, and is unread, as before."""
    escalate(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        reason="asked",
    )
    post_message(
        conversation_id=conversation.pk,
        organization_id=conversation.organization_id,
        sender=bot_sender(conversation, "en"),
        content={"type": "text", "text": "I pass you on."},
        client_message_id="farewell",
    )
    conversation.refresh_from_db()
    before = (conversation.waiting_since, conversation.answered_inbound_total)
    assert before[0] is not None
    act(api, conversation, "close")
    act(api, conversation, "reopen")
    conversation.refresh_from_db()
    assert (conversation.waiting_since, conversation.answered_inbound_total) == before

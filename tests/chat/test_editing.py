"""Edits and deletions: the log says them, the message shows them."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from chat import bot
from chat.errors import (
    AmendedTooLate,
    ConversationClosed,
    MessageDeleted,
    MessageNotFound,
    NotAMessage,
    NotYourMessage,
    ReadOnly,
)
from chat.events import Audience, event_frame
from chat.models import Conversation, EventKind, Message, Sender, SenderType
from chat.models.message import mongo_now
from chat.services import (
    close,
    delete_message,
    reconcile,
    reopen,
)
from chat.services.conversations import agent_sender, customer_sender
from crm.core.api.exceptions import IdempotencyKeyReused
from crm.core.ids import uuid7
from crm.organizations.models import Membership, Organization, Role
from tests.chat.edits import delete, edit, everything_stored, head_of, log, now_of, say
from tests.conftest import make_member

pytestmark = pytest.mark.django_db(transaction=True)

BOT = Sender(type=SenderType.BOT, id="bot", name="Bot")


@pytest.fixture
def supervisor(organization: Organization) -> Membership:
    return make_member(organization, "Sofia", Role.SUPERVISOR)


def test_an_edit_is_an_entry_and_shows_in_the_message(
    conversation: Conversation, reply: Message, agent: Membership
) -> None:
    entry = edit(reply, agent)
    assert entry.target is not None
    assert (entry.seq, entry.kind, entry.target.seq) == (4, EventKind.EDITED, 3)
    stored = now_of(reply)
    assert stored.content == {"type": "text", "text": "We do, for 6 euro."}
    assert (stored.edited_at, stored.amended_seq) == (entry.timestamp, 4)
    assert now_of(entry).pending == ()
    head = head_of(conversation)
    assert (head.last_seq, head.last_message["text"]) == (4, "We do, for 6 euro.")
    assert head.last_message_at == reply.timestamp
    assert event_frame(entry, Audience.CUSTOMER)["data"] == {
        "message_id": str(reply.message_id),
        "target_seq": 3,
        "sender": {"id": "agent", "type": "agent", "name": "Linh"},
        "edited_at": entry.timestamp.isoformat(),
        "content": {"type": "text", "text": "We do, for 6 euro."},
    }


def test_the_same_edit_twice_is_one_entry(
    conversation: Conversation, reply: Message, agent: Membership
) -> None:
    first = edit(reply, agent)
    edit(reply, agent, "We do, for 7 euro.", "e-2")
    assert edit(reply, agent).seq == first.seq
    assert now_of(reply).content["text"] == "We do, for 7 euro."
    assert head_of(conversation).last_message["text"] == "We do, for 7 euro."
    assert len(log(conversation)) == 5


def test_a_key_that_named_something_else_is_refused(reply: Message, agent: Membership) -> None:
    with pytest.raises(IdempotencyKeyReused):
        edit(reply, agent, key="reply")
    assert now_of(reply).edited_at is None


def test_the_key_of_an_edit_with_another_text_is_refused(
    conversation: Conversation, reply: Message, agent: Membership
) -> None:
    edit(reply, agent)
    with pytest.raises(IdempotencyKeyReused):
        edit(reply, agent, "We do, for 7 euro.")
    assert now_of(reply).content["text"] == "We do, for 6 euro."
    assert len(log(conversation)) == 4


def test_a_deletion_leaves_a_tombstone_and_no_text_anywhere(
    conversation: Conversation, reply: Message, agent: Membership
) -> None:
    edit(reply, agent, "My password is hunter2")
    entry = delete(reply, agent)
    stored = now_of(reply)
    assert stored.content == {"type": "text"}
    assert (stored.deleted_at, stored.deleted_by) == (entry.timestamp, agent_sender(agent.user))
    assert "hunter2" not in everything_stored(conversation)
    assert "5 euro" not in everything_stored(conversation)
    assert head_of(conversation).last_message == {
        "is_deleted": True,
        "text": "",
        "type": "text",
        "sender_type": "agent",
        "sender_name": "Linh",
    }
    edited = event_frame(log(conversation)[3], Audience.TEAM)
    assert "content" not in edited["data"]
    shown = event_frame(stored, Audience.CUSTOMER)["data"]
    assert "deleted_by" not in shown
    assert shown["deleted_at"] == entry.timestamp.isoformat()


def test_deleting_twice_gives_the_first_answer(
    conversation: Conversation, reply: Message, agent: Membership, supervisor: Membership
) -> None:
    first = delete(reply, agent)
    again = delete(reply, supervisor)
    assert (again.seq, again.sender) == (first.seq, first.sender)
    assert len(log(conversation)) == 4
    with pytest.raises(MessageDeleted):
        edit(reply, agent)


def test_an_older_message_leaves_the_heads_line_alone(
    conversation: Conversation, reply: Message, agent: Membership
) -> None:
    say(conversation, agent_sender(agent.user), "Anything else?", "more")
    edit(reply, agent)
    delete(reply, agent)
    assert head_of(conversation).last_message["text"] == "Anything else?"


def test_a_note_is_amended_without_a_word_to_the_customer(
    conversation: Conversation, reply: Message, agent: Membership
) -> None:
    note = say(conversation, agent_sender(agent.user), "Wants a discount", "note", "note")
    entries = [edit(note, agent, "Wants 10 %"), delete(note, agent)]
    for entry in entries:
        told = event_frame(entry, Audience.CUSTOMER)
        assert (told["kind"], told["data"]) == ("conversation.changed", {})
    assert event_frame(entries[0], Audience.TEAM)["kind"] == "message.edited"


@pytest.mark.parametrize(
    ("role", "own", "teams", "bots", "customers"),
    [
        (Role.AGENT, True, False, False, False),
        (Role.SUPERVISOR, True, True, True, False),
        (Role.ADMIN, True, True, True, True),
        (Role.OWNER, True, True, True, True),
    ],
)
def test_who_may_delete_what(
    conversation: Conversation,
    colleague: Membership,
    role: Role,
    own: bool,  # noqa: FBT001  a column of the table
    teams: bool,  # noqa: FBT001
    bots: bool,  # noqa: FBT001
    customers: bool,  # noqa: FBT001
) -> None:
    member = make_member(conversation.organization, "Kim", role)
    robots = say(conversation, BOT, "Yes, worldwide.", "robot")
    mine = say(conversation, agent_sender(member.user), "Mine", "mine")
    theirs = say(conversation, agent_sender(colleague.user), "Theirs", "theirs")
    asked = log(conversation)[0]
    for message, may in ((mine, own), (theirs, teams), (robots, bots), (asked, customers)):
        if may:
            assert delete(message, member).kind == EventKind.DELETED
        else:
            with pytest.raises(NotYourMessage):
                delete(message, member)
            assert now_of(message).deleted_at is None


def test_nobody_edits_what_others_wrote(
    conversation: Conversation, reply: Message, owner: Membership, viewer: Membership
) -> None:
    for message in (reply, log(conversation)[0]):
        with pytest.raises(NotYourMessage):
            edit(message, owner)
    for amend in (edit, delete):
        with pytest.raises(ReadOnly):
            amend(reply, viewer)
    assert len(log(conversation)) == 3


def test_after_a_day_only_a_supervisor_deletes(
    reply: Message, agent: Membership, supervisor: Membership, settings: Settings
) -> None:
    Message.objects.collection.update_one(
        {"message_id": str(reply.message_id)},
        {"$set": {"timestamp": mongo_now() - timedelta(days=1, seconds=1)}},
    )
    for amend in (edit, delete):
        with pytest.raises(AmendedTooLate) as refused:
            amend(reply, agent)
        assert refused.value.extra == {"window_seconds": settings.CHAT_AMEND_WINDOW_SECONDS}
    assert delete(reply, supervisor).kind == EventKind.DELETED


def test_a_closed_conversation_is_not_edited_but_cleaned(
    conversation: Conversation, reply: Message, agent: Membership
) -> None:
    close(organization_id=conversation.organization_id, conversation_id=conversation.pk, by=agent)
    with pytest.raises(ConversationClosed):
        edit(reply, agent)
    delete(reply, agent)
    assert now_of(reply).deleted_at is not None
    assert head_of(conversation).status == "closed"


def test_history_is_not_amended(
    conversation: Conversation, reply: Message, owner: Membership, agent: Membership
) -> None:
    taken, entry = log(conversation)[1], edit(reply, agent)
    for amend in (edit, delete):
        for event in (taken, entry):
            with pytest.raises(NotAMessage):
                amend(event, owner)


def test_a_message_of_elsewhere_is_not_there(reply: Message, stranger: Membership) -> None:
    for amend in (edit, delete):
        with pytest.raises(MessageNotFound):
            amend(reply, stranger)
    with pytest.raises(MessageNotFound):
        delete_message(conversation_id=reply.conversation_id, message_id=uuid7(), by=stranger)


def test_who_deletes_a_question_ends_the_waiting_for_it(
    conversation: Conversation, reply: Message, owner: Membership
) -> None:
    asking = customer_sender(conversation.customer)
    first = say(conversation, asking, "How long?", "q-1")
    second = say(conversation, asking, "And to Cebu?", "q-2")
    assert head_of(conversation).waiting_since == first.timestamp
    delete(first, owner)
    assert head_of(conversation).waiting_since == second.timestamp
    delete(second, owner)
    assert head_of(conversation).waiting_since is None
    close(organization_id=conversation.organization_id, conversation_id=conversation.pk, by=owner)
    reopen(organization_id=conversation.organization_id, conversation_id=conversation.pk, by=owner)
    assert head_of(conversation).waiting_since is None


def test_a_head_built_again_is_the_same(
    conversation: Conversation, reply: Message, agent: Membership, owner: Membership
) -> None:
    asking = customer_sender(conversation.customer)
    question = say(conversation, asking, "How long?", "q-1")
    say(conversation, asking, "And to Cebu?", "q-2")
    delete(question, owner)
    edit(reply, agent)
    before = Conversation.objects.filter(pk=conversation.pk).values().get()
    Conversation.objects.update(last_seq=2, last_message={}, waiting_since=None)
    assert reconcile(repair=True).repaired == 1
    after = Conversation.objects.filter(pk=conversation.pk).values().get()
    assert after | {"updated_at": None} == before | {"updated_at": None}


def test_a_deleted_question_is_not_answered(
    conversation: Conversation, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = log(conversation)[0]
    delete(question, owner)
    assert now_of(question).pending == ()
    bot.answer(organization_id=conversation.organization_id, conversation_id=conversation.pk, seq=1)
    assert [entry.kind for entry in log(conversation)] == [EventKind.POSTED, EventKind.DELETED]

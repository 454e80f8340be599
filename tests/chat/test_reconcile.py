"""The stores agree, or the difference is told, exported and, where it is derived, repaired."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command

from chat.managers import ConversationDocuments
from chat.models import Conversation, Message
from chat.services import close, post_message, reconcile
from chat.services.conversations import agent_sender, customer_sender
from crm.core import stores
from crm.organizations.models import Membership, Organization

pytestmark = pytest.mark.django_db


def kinds(result):
    return {kind: count for kind, count in result.counts().items() if count}


def test_stores_that_agree_have_no_difference(conversation: Conversation):
    result = reconcile()
    assert (result.conversations, result.differences) == (1, [])


def test_head_behind_its_log_is_told_and_mended(conversation: Conversation, agent: Membership):
    for number in range(3):
        post_message(
            organization_id=conversation.organization_id,
            conversation_id=conversation.pk,
            sender=customer_sender(conversation.customer),
            content={"type": "text", "text": f"line {number}"},
            client_message_id=f"line-{number}",
        )
    conversation.refresh_from_db()
    before = Conversation.objects.filter(pk=conversation.pk).values().get()
    Conversation.objects.update(last_seq=1, inbound_total=1, last_message={}, waiting_since=None)

    told = reconcile()
    assert kinds(told) == {"conversation_behind_log": 1}
    assert (told.differences[0].expected, told.differences[0].found, told.repaired) == (4, 1, 0)

    assert reconcile(repair=True).repaired == 1
    after = Conversation.objects.filter(pk=conversation.pk).values().get()
    assert after | {"updated_at": None} == before | {"updated_at": None}
    assert reconcile().differences == []


def test_head_ahead_of_its_log_is_mended_down(conversation: Conversation):
    Conversation.objects.update(last_seq=7)
    assert kinds(reconcile(repair=True)) == {"head_ahead_of_log": 1}
    conversation.refresh_from_db()
    assert conversation.last_seq == 1


def test_mending_a_closed_conversation_leaves_nobody_waiting(
    conversation: Conversation, agent: Membership
):
    close(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        by=agent,
    )
    Conversation.objects.update(last_seq=1)
    reconcile(repair=True)
    conversation.refresh_from_db()
    assert (conversation.last_seq, conversation.waiting_since) == (2, None)


def test_missing_document_is_told_and_made_again(conversation: Conversation):
    ConversationDocuments.collection().delete_many({})
    assert kinds(reconcile(repair=True)) == {"document_differs": 1}
    document = ConversationDocuments.collection().find_one({})
    assert document is not None
    assert (document["status"], document["conversation_id"]) == ("bot", str(conversation.pk))


def test_hole_in_a_log_cannot_be_mended(conversation: Conversation, agent: Membership):
    post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=agent_sender(agent.user),
        content={"type": "note", "text": "a note"},
        client_message_id="note-1",
    )
    Message.objects.collection.delete_one({"seq": 1})
    result = reconcile(repair=True)
    assert (kinds(result), result.repaired) == ({"gap_in_log": 1}, 0)


def test_entry_under_a_foreign_organization_is_told(
    conversation: Conversation, stranger_organization: Organization
):
    Message.objects.collection.update_one(
        {"seq": 1}, {"$set": {"tenant_id": str(stranger_organization.pk)}}
    )
    assert kinds(reconcile()) == {"head_ahead_of_log": 1, "foreign_tenant": 1}


def test_log_without_a_head_is_told(conversation: Conversation):
    Conversation.objects.all().delete()
    assert kinds(reconcile(repair=True)) == {"log_without_head": 1}
    assert Message.objects.collection.count_documents({}) == 1


def test_late_side_effect_is_told(conversation: Conversation):
    message = Message.objects.numbered(conversation.organization_id, conversation.pk, 1)
    assert message is not None
    moment = message.received_at
    Message.objects.collection.update_one(
        {}, {"$set": {"received_at": moment.replace(year=moment.year - 1)}}
    )
    assert kinds(reconcile()) == {"effect_late": 1}


def test_command_exports_and_fails_while_a_difference_stands(
    conversation: Conversation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    Conversation.objects.update(last_seq=9)
    exported = tmp_path / "differences.jsonl"
    with pytest.raises(SystemExit) as stopped:
        call_command("reconcile", output=exported)
    assert stopped.value.code == 1
    (line,) = exported.read_text().splitlines()
    assert json.loads(line) == {
        "kind": "head_ahead_of_log",
        "organization_id": str(conversation.organization_id),
        "conversation_id": str(conversation.pk),
        "expected": 1,
        "found": 9,
    }
    assert stores.redis().hget("metrics:reconcile", "head_ahead_of_log") == b"1"

    call_command("reconcile", repair=True, json=True)
    call_command("reconcile", json=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["differences"] == 0

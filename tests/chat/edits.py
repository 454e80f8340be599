"""What the tests of editing and deleting share."""

from chat.models import Conversation, Message, Sender
from chat.services import delete_message, edit_message, post_message
from crm.organizations.models import Membership


def say(
    conversation: Conversation, sender: Sender, text: str, key: str, type_: str = "text"
) -> Message:
    return post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=sender,
        content={"type": type_, "text": text},
        client_message_id=key,
    )


def edit(
    message: Message, by: Membership, text: str = "We do, for 6 euro.", key: str = "e-1"
) -> Message:
    return edit_message(
        conversation_id=message.conversation_id,
        message_id=message.message_id,
        by=by,
        text=text,
        client_message_id=key,
    )


def delete(message: Message, by: Membership) -> Message:
    return delete_message(
        conversation_id=message.conversation_id, message_id=message.message_id, by=by
    )


def now_of(message: Message) -> Message:
    stored = Message.objects.numbered(message.tenant_id, message.conversation_id, message.seq)
    assert stored is not None
    return stored


def log(conversation: Conversation) -> list[Message]:
    return Message.objects.after(conversation.organization_id, conversation.pk, 0)


def head_of(conversation: Conversation) -> Conversation:
    return Conversation.objects.get(pk=conversation.pk)


def everything_stored(conversation: Conversation) -> str:
    return str(list(Message.objects.collection.find({"conversation_id": str(conversation.pk)})))

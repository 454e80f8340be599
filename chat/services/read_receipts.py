"""Read receipts: cumulative, so that a late or repeated one changes nothing."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chat.errors import ConversationNotFound
from chat.events import announce_receipts
from chat.models import Conversation, ConversationRead, Direction, Message
from chat.models.message import mongo_now
from crm.operations.stats import MOST
from crm.organizations.models import User


def mark_seen_by_customer(*, organization_id: UUID, conversation_id: UUID, seq: int) -> int:
    """Mark everything up to ``seq`` as seen by the customer. Return the resulting position."""
    with transaction.atomic():
        conversation = (
            Conversation.objects.select_for_update(of=("self",))
            .filter(organization_id=organization_id, pk=conversation_id)
            .first()
        )
        if conversation is None:
            raise ConversationNotFound
        before = conversation.customer_seen_seq
        seq = min(seq, conversation.last_seq)
        if seq <= before:
            return before
        conversation.customer_seen_seq = seq
        conversation.save(update_fields=["customer_seen_seq"])
    Message.objects.mark_read(
        organization_id,
        conversation_id,
        after=before,
        up_to=seq,
        direction=Direction.OUTBOUND,
        moment=mongo_now(),
    )
    announce_receipts(conversation)
    return seq


def mark_seen_by_agent(
    *, organization_id: UUID, conversation_id: UUID, user: User, seq: int
) -> ConversationRead:
    """Mark everything up to ``seq`` as seen by an agent. Return the agent's read position."""
    conversation = Conversation.objects.filter(
        organization_id=organization_id, pk=conversation_id
    ).first()
    if conversation is None:
        raise ConversationNotFound
    seq = min(seq, conversation.last_seq)
    inbound_total = conversation.inbound_total
    if seq < conversation.last_seq:
        entry = Message.objects.numbered(organization_id, conversation_id, seq)
        inbound_total = entry.inbound_total if entry else 0
    with transaction.atomic():
        position, _created = ConversationRead.objects.select_for_update().get_or_create(
            organization_id=organization_id, conversation=conversation, user=user
        )
        if seq > position.seen_seq:
            position.seen_seq = seq
            position.seen_inbound_total = inbound_total
            position.save(update_fields=["seen_seq", "seen_inbound_total"])
    return position


def begun_today() -> int:
    """Return the number, up to MOST, of conversations that started since midnight UTC.

    Their ids start with the time, so the primary key finds them.
    """
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    lowest = UUID(int=int(midnight.timestamp() * 1000) << 80)
    return Conversation.objects.filter(pk__gte=lowest)[:MOST].count()

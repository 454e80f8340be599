"""Measurement of stored text, asynchronously, for the organizations' plans."""

from django.db.models import Exists, OuterRef

from chat.models import Conversation, ConversationSize, Message
from crm.core import tenancy

BATCH = 500


def measure_conversations(*, limit: int = 20_000) -> int:
    """Measure conversations that changed since the last run. Return their number. Safe to repeat.

    Accepting a message does not measure: a size may be an hour old.
    """
    measured = 0
    while measured < limit:
        with tenancy.all_tenants("Conversations of every organization are measured."):
            up_to_date = ConversationSize.objects.filter(
                conversation=OuterRef("pk"), measured_at__gte=OuterRef("updated_at")
            )
            due = Conversation.objects.filter(~Exists(up_to_date)).order_by("organization_id")
            batch = list(due.values_list("organization_id", "pk", "updated_at")[:BATCH])
            ConversationSize.objects.bulk_create(
                [
                    ConversationSize(
                        organization_id=organization_id,
                        conversation_id=conversation_id,
                        text_bytes=Message.objects.text_bytes(organization_id, conversation_id),
                        measured_at=updated_at,
                    )
                    for organization_id, conversation_id, updated_at in batch
                ],
                update_conflicts=True,
                unique_fields=["conversation"],
                update_fields=["text_bytes", "measured_at"],
            )
        measured += len(batch)
        if len(batch) < BATCH:
            break
    return measured

"""Compare each conversation row with its log, and repair derived data."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pymongo
from django.db import transaction

from chat.managers import ConversationDocuments, ConversationKey, LogSummary
from chat.models import Conversation, Message
from chat.models.message import mongo_now
from chat.services.editing import finish_amendment
from chat.services.message_log import SUMMARY_FIELDS, follow, lock_conversation

BATCH = 500
# All of it, instead of the seconds that a request may wait for one answer of MongoDB.
PATIENCE_SECONDS = 3600.0
LATE = timedelta(seconds=60)
LATE_LIMIT = 10_000

# What can differ. The first three and the last are derived and can be repaired; the others a person
# must look at.
CONVERSATION_BEHIND_LOG = "conversation_behind_log"
HEAD_AHEAD_OF_LOG = "head_ahead_of_log"
DOCUMENT_DIFFERS = "document_differs"
GAP_IN_LOG = "gap_in_log"
LOG_WITHOUT_HEAD = "log_without_head"
FOREIGN_TENANT = "foreign_tenant"
EFFECT_LATE = "effect_late"
AMENDMENT_MISSING = "amendment_missing"
KINDS = (
    CONVERSATION_BEHIND_LOG,
    HEAD_AHEAD_OF_LOG,
    DOCUMENT_DIFFERS,
    GAP_IN_LOG,
    LOG_WITHOUT_HEAD,
    FOREIGN_TENANT,
    EFFECT_LATE,
    AMENDMENT_MISSING,
)
_OF_CONVERSATIONS = {CONVERSATION_BEHIND_LOG, HEAD_AHEAD_OF_LOG, DOCUMENT_DIFFERS}


@dataclass(frozen=True)
class Difference:
    """One inconsistency between two stores; ``expected`` is from the authoritative one."""

    kind: str
    organization_id: str
    conversation_id: str
    expected: Any
    found: Any

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Reconciliation:
    """The result of a run; ``repaired`` counts the differences that were resolved."""

    conversations: int = 0
    differences: list[Difference] = field(default_factory=list)
    repaired: int = 0

    def counts(self) -> dict[str, int]:
        found = Counter(difference.kind for difference in self.differences)
        return {kind: found.get(kind, 0) for kind in KINDS}


def reconcile(*, repair: bool = False) -> Reconciliation:
    """Compare the stores; with ``repair``, repair what is derived from the log.

    Safe beside live traffic: a row that seems to differ is checked again under its lock.
    """
    result = Reconciliation()
    with pymongo.timeout(PATIENCE_SECONDS):
        _compare(result, repair=repair)
    return result


def _compare(result: Reconciliation, *, repair: bool) -> None:
    for conversations in _batches():
        result.conversations += len(conversations)
        keys = [_key(conversation) for conversation in conversations]
        summaries = Message.objects.summaries(keys)
        documents = ConversationDocuments.statuses(keys)
        _compare_amendments(keys, result, repair=repair)
        for conversation in conversations:
            summary = summaries.get(_key(conversation), LogSummary())
            if _differences(conversation, summary, documents.get(conversation.pk)):
                _look_again(conversation.pk, result, repair=repair)
    result.differences.extend(_misplaced_logs())
    result.differences.extend(_late_effects())


def _key(conversation: Conversation) -> ConversationKey:
    return ConversationKey(conversation.organization_id, conversation.pk)


def _batches() -> Iterator[list[Conversation]]:
    last: UUID | None = None
    while True:
        conversations = Conversation.objects.order_by("pk")
        batch = list(conversations.filter(pk__gt=last)[:BATCH] if last else conversations[:BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1].pk


def _look_again(pk: UUID, result: Reconciliation, *, repair: bool) -> None:
    with transaction.atomic():
        conversation = (
            Conversation.objects.select_for_update(of=("self",))
            .select_related("customer", "assignee")
            .filter(pk=pk)
            .first()
        )
        if conversation is None:
            return
        summary = Message.objects.summaries([_key(conversation)]).get(
            _key(conversation), LogSummary()
        )
        found = _differences(
            conversation, summary, ConversationDocuments.statuses([_key(conversation)]).get(pk)
        )
        result.differences.extend(found)
        derived = [difference for difference in found if difference.kind in _OF_CONVERSATIONS]
        if repair and derived:
            _repair(conversation, summary)
            result.repaired += len(derived)


def _differences(
    conversation: Conversation, summary: LogSummary, document_status: str | None
) -> list[Difference]:
    def differs(kind: str, expected: Any, found: Any) -> Difference:
        return Difference(
            kind, str(conversation.organization_id), str(conversation.pk), expected, found
        )

    found: list[Difference] = []
    if conversation.last_seq < summary.last_seq:
        found.append(differs(CONVERSATION_BEHIND_LOG, summary.last_seq, conversation.last_seq))
    if conversation.last_seq > summary.last_seq:
        found.append(differs(HEAD_AHEAD_OF_LOG, summary.last_seq, conversation.last_seq))
    if document_status != conversation.status:
        found.append(differs(DOCUMENT_DIFFERS, conversation.status, document_status))
    if summary.entries != summary.last_seq:
        found.append(differs(GAP_IN_LOG, summary.last_seq, summary.entries))
    return found


def _repair(conversation: Conversation, summary: LogSummary) -> None:
    """Rebuild the conversation row from its log, and the document from the row."""
    if conversation.last_seq != summary.last_seq:
        conversation.last_seq = 0
        conversation.inbound_total = 0
        conversation.answered_inbound_total = 0
        conversation.last_message = {}
        conversation.last_customer_message = {}
        conversation.waiting_since = None
        conversation.escalated_at = None
        conversation.replied_by = []
        seq = 0
        while entries := Message.objects.after(conversation.organization_id, conversation.pk, seq):
            for entry in entries:
                follow(conversation, entry)
            seq = entries[-1].seq
        conversation.save(update_fields=SUMMARY_FIELDS)
    ConversationDocuments.create(conversation)


def _compare_amendments(
    keys: list[ConversationKey], result: Reconciliation, *, repair: bool
) -> None:
    """Find messages whose edits or deletions were not applied."""
    for key, latest in Message.amendments.latest(keys).items():
        if Message.amendments.missing(key, latest):
            _look_at_amendments_again(key, result, repair=repair)


def _look_at_amendments_again(
    key: ConversationKey, result: Reconciliation, *, repair: bool
) -> None:
    with transaction.atomic():
        lock_conversation(organization_id=key.organization_id, conversation_id=key.conversation_id)
        latest = Message.amendments.latest([key]).get(key, {})
        for seq in Message.amendments.missing(key, latest):
            result.differences.append(
                Difference(
                    AMENDMENT_MISSING,
                    str(key.organization_id),
                    str(key.conversation_id),
                    f"entry {seq} done to its message",
                    None,
                )
            )
            entry = Message.objects.numbered(key.organization_id, key.conversation_id, seq)
            if repair and entry is not None:
                finish_amendment(entry=entry)
                result.repaired += 1


def _misplaced_logs() -> Iterator[Difference]:
    """Find logs without a conversation, and events under another organization."""
    for batch in Message.objects.conversations(batch=BATCH):
        organizations = dict(
            Conversation.objects.filter(pk__in=[key.conversation_id for key in batch]).values_list(
                "pk", "organization_id"
            )
        )
        for key in batch:
            owner = organizations.get(key.conversation_id)
            if owner != key.organization_id:
                yield Difference(
                    FOREIGN_TENANT if owner else LOG_WITHOUT_HEAD,
                    str(key.organization_id),
                    str(key.conversation_id),
                    str(owner) if owner else "a conversation",
                    str(key.organization_id) if owner else None,
                )


def _late_effects() -> Iterator[Difference]:
    for message in Message.objects.pending_since(mongo_now() - LATE, limit=LATE_LIMIT):
        yield Difference(
            EFFECT_LATE,
            str(message.tenant_id),
            str(message.conversation_id),
            f"done for seq {message.seq}",
            list(message.pending),
        )

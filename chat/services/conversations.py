"""Services of whole conversations: open, assign, close and so on.

Each change is also an event of the log, under the same lock, so that every client receives it in
order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.content import clean_client_message_id
from chat.errors import ConversationChanged, ConversationClosed, UnknownAssignee
from chat.managers import ConversationDocuments
from chat.models import Conversation, Message, Priority, Sender, SenderType, Status, Widget
from chat.models.message import LABELLED, OPEN_QUESTION, PRIORITIZED
from chat.services.message_log import (
    CLOSED,
    ESCALATED,
    HANDED_BACK,
    change,
    lock_conversation,
    unanswered,
)
from chat.services.messages import post_message
from chat.services.open_questions import open_questions
from chat.services.permissions import lock_for_change
from crm.billing.metrics import Metric
from crm.billing.services import consume
from crm.core.errors import Invalid
from crm.core.notifications.services import notify
from crm.core.permissions import WRITE, Module, Principal
from crm.core.records.notices import ASSIGNED
from crm.core.text.folding import identity_key
from crm.core.text.normalization import normalize_line
from crm.core.versions import check_version
from crm.customers.models import Customer
from crm.organizations.models import Membership, User

# Longer is a slip of the hand: a year of five digits.
MAX_SNOOZE = timedelta(days=5 * 365, hours=1)
SYSTEM = Sender(type=SenderType.SYSTEM, id="system")


def agent_sender(user: User) -> Sender:
    return Sender(type=SenderType.AGENT, id=str(user.pk), name=user.name)


def sender_of(by: Principal) -> Sender:
    """Return the sender of the organization's messages: a member, or an API key."""
    return Sender(type=SenderType.AGENT, id=by.actor_id, name=by.actor_name)


def customer_sender(customer: Customer) -> Sender:
    return Sender(type=SenderType.CUSTOMER, id=str(customer.pk), name=customer.display_name)


def open_conversation(
    *,
    organization_id: UUID,
    customer_id: UUID,
    widget: Widget | None,
    language_code: str,
    content: Mapping[str, Any],
    client_message_id: str,
    timestamp: datetime | None = None,
) -> Message:
    """Post a customer's message to their open conversation; create one if there is none.

    Safe to repeat under the same ``client_message_id``, also after the conversation was closed.
    ``timestamp``, here and below, is for imported history; the default is now.
    """
    client_message_id = clean_client_message_id(client_message_id)
    customer = Customer.objects.get(organization_id=organization_id, pk=customer_id)
    # The row is committed before its first message is stored: were both in one transaction, a
    # crash between them would leave a log without a row, and the retry would begin a second log.
    conversation_id = _conversation_for(
        customer=customer,
        widget=widget,
        language_code=language_code,
        client_message_id=client_message_id,
    )
    return post_message(
        organization_id=organization_id,
        conversation_id=conversation_id,
        sender=customer_sender(customer),
        content=content,
        client_message_id=client_message_id,
        timestamp=timestamp,
    )


@transaction.atomic
def _conversation_for(
    *, customer: Customer, widget: Widget | None, language_code: str, client_message_id: str
) -> UUID:
    """Return the conversation that a customer's message belongs to; create one if needed."""
    # The customer's row is the lock: two tabs that send a first line share one conversation.
    Customer.objects.select_for_update().get(pk=customer.pk)
    theirs = Conversation.objects.of_customer(
        organization_id=customer.organization_id, customer_id=customer.pk
    )
    opened = theirs.filter(opened_by=client_message_id).first()
    latest = opened or theirs.order_by("-id").first()
    if latest is not None and (
        opened
        or latest.status != Status.CLOSED
        or Message.objects.posted_as(customer.organization_id, latest.pk, client_message_id)
    ):
        return latest.pk
    conversation = Conversation(
        organization_id=customer.organization_id,
        customer=customer,
        widget=widget,
        status=Status.BOT if widget and widget.bot_enabled else Status.OPEN,
        language_code=language_code,
        opened_by=client_message_id,
        last_message_at=timezone.now(),
    )
    # Whoever writes is heard, whatever the plan says; the team sees that it is beyond it.
    use = consume(
        organization_id=customer.organization_id,
        metric=Metric.CONVERSATIONS,
        key=str(conversation.pk),
    )
    conversation.is_over_quota = use.is_over
    conversation.save(force_insert=True)
    ConversationDocuments.create(conversation)
    return conversation.pk


def require_state(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    by: Principal,
    status: str,
    assignee: UUID | None,
    snoozed_until: datetime | None,
) -> None:
    """Lock the conversation and compare its state. Raise ConversationChanged if it differs.

    Call it in the transaction of the change that depends on this state.
    """
    conversation = lock_for_change(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    present = (conversation.status, conversation.assignee_id, conversation.snoozed_until)
    if present != (status, assignee, snoozed_until):
        raise ConversationChanged


@transaction.atomic
def take_over(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    by: Principal,
    timestamp: datetime | None = None,
) -> Conversation:
    """Assign the conversation to the acting member; the bot stops answering."""
    conversation = _lock_unclosed(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    if by.user_id is None:
        raise UnknownAssignee
    user = _assignable(organization_id=organization_id, user_id=by.user_id)
    if conversation.status == Status.OPEN and conversation.assignee_id == user.pk:
        return conversation
    return change(
        conversation,
        "taken_over",
        by=sender_of(by),
        timestamp=timestamp,
        status=Status.OPEN,
        assignee=user,
        snoozed_until=None,
    )


@transaction.atomic
def assign(
    *, organization_id: UUID, conversation_id: UUID, assignee_id: UUID | None, by: Principal
) -> Conversation:
    """Assign a conversation to an agent, or unassign it; the bot's conversation becomes open."""
    conversation = _lock_unclosed(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    assignee = (
        _assignable(organization_id=organization_id, user_id=assignee_id) if assignee_id else None
    )
    if conversation.assignee_id == assignee_id and not conversation.is_bot_owned:
        return conversation
    status = Status.OPEN if conversation.is_bot_owned else conversation.status
    changed = change(
        conversation,
        "assigned" if assignee else "unassigned",
        by=sender_of(by),
        status=status,
        assignee=assignee,
    )
    if assignee_id is not None:
        notify(
            organization_id=organization_id,
            kind=ASSIGNED,
            key=f"conversation:{conversation_id}:{changed.last_seq}",
            subject="conversation",
            subject_id=conversation_id,
            user_ids=[assignee_id],
            by=by,
        )
    return changed


@transaction.atomic
def set_priority(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    priority: Priority,
    by: Principal,
    version: int | None = None,
) -> Conversation:
    """Set the priority of a conversation, also of a closed one. Raise EditedMeanwhile."""
    conversation = lock_for_change(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    check_version(conversation, version)
    if conversation.priority == priority:
        return conversation
    return change(
        conversation,
        PRIORITIZED,
        by=sender_of(by),
        priority=priority,
        details={"priority": str(priority)},
    )


@transaction.atomic
def set_labels(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    labels: Sequence[str],
    by: Principal,
    version: int | None = None,
) -> Conversation:
    """Replace the labels, deduplicated in the given order. Raise EditedMeanwhile."""
    conversation = lock_for_change(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    check_version(conversation, version)
    # The first spelling of a label stands for all.
    spellings = {identity_key(label): normalize_line(label) for label in reversed(labels)}
    wanted = [spellings[key] for key in dict.fromkeys(map(identity_key, labels)) if key]
    if conversation.labels == wanted:
        return conversation
    return change(
        conversation, LABELLED, by=sender_of(by), labels=wanted, details={"labels": wanted}
    )


@transaction.atomic
def return_to_bot(*, organization_id: UUID, conversation_id: UUID, by: Principal) -> Conversation:
    """Return a conversation to the bot, which looks at once at what nobody has answered."""
    conversation = _lock_unclosed(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    if conversation.is_bot_owned:
        return conversation
    is_waiting = conversation.waiting_since is not None and bool(
        open_questions(organization_id, conversation_id, before=conversation.last_seq + 1)
    )
    return change(
        conversation,
        HANDED_BACK,
        by=sender_of(by),
        status=Status.BOT,
        assignee=None,
        snoozed_until=None,
        details={OPEN_QUESTION: True} if is_waiting else None,
    )


@transaction.atomic
def escalate(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    reason: str,
    timestamp: datetime | None = None,
) -> Conversation:
    """Escalate the bot's conversation to people; ``reason`` is the cause.

    One of asked, unknown, failed, quota and too_many.
    """
    conversation = lock_conversation(
        organization_id=organization_id, conversation_id=conversation_id
    )
    if not conversation.is_bot_owned:
        return conversation
    return change(
        conversation,
        ESCALATED,
        by=SYSTEM,
        timestamp=timestamp,
        status=Status.OPEN,
        details={"reason": reason},
    )


@transaction.atomic
def close(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    by: Principal,
    timestamp: datetime | None = None,
) -> Conversation:
    conversation = lock_for_change(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    if conversation.status == Status.CLOSED:
        return conversation
    return change(
        conversation,
        CLOSED,
        by=sender_of(by),
        timestamp=timestamp,
        status=Status.CLOSED,
        closed_at=timestamp or timezone.now(),
        snoozed_until=None,
    )


@transaction.atomic
def reopen(*, organization_id: UUID, conversation_id: UUID, by: Principal) -> Conversation:
    conversation = lock_for_change(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    if conversation.status == Status.OPEN:
        return conversation
    waiting = unanswered(conversation)
    return change(
        conversation,
        "reopened",
        by=sender_of(by),
        status=Status.OPEN,
        closed_at=None,
        snoozed_until=None,
        waiting_since=waiting.since,
        answered_inbound_total=max(0, conversation.inbound_total - waiting.count),
    )


@transaction.atomic
def snooze(
    *,
    organization_id: UUID,
    conversation_id: UUID,
    until: datetime,
    by: Principal,
    timestamp: datetime | None = None,
) -> Conversation:
    """Snooze a conversation until a time, or until the customer writes."""
    now = timezone.now()
    if until <= now:
        raise Invalid(_("Choose a time in the future."))
    if until > now + MAX_SNOOZE:
        raise Invalid(_("Choose a time within the next five years."))
    conversation = _lock_unclosed(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    return change(
        conversation,
        "snoozed",
        by=sender_of(by),
        timestamp=timestamp,
        status=Status.SNOOZED,
        snoozed_until=until,
        details={"until": until.isoformat()},
    )


def wake_snoozed(*, limit: int = 200) -> int:
    """Reopen conversations whose snooze is over. Return their number."""
    now = timezone.now()
    due = Conversation.objects.due_to_wake(now).values_list("organization_id", "pk")
    woken = 0
    for organization_id, conversation_id in due[:limit]:
        with transaction.atomic():
            conversation = lock_conversation(
                organization_id=organization_id, conversation_id=conversation_id
            )
            # Snoozed anew since it was found, it sleeps on.
            is_due = conversation.snoozed_until is not None and conversation.snoozed_until <= now
            if conversation.status == Status.SNOOZED and is_due:
                change(conversation, "woken", by=SYSTEM, status=Status.OPEN, snoozed_until=None)
                woken += 1
    return woken


def _lock_unclosed(*, organization_id: UUID, conversation_id: UUID, by: Principal) -> Conversation:
    """Lock the conversation for a change. Raise ConversationClosed if it is closed."""
    conversation = lock_for_change(
        organization_id=organization_id, conversation_id=conversation_id, by=by
    )
    if conversation.status == Status.CLOSED:
        raise ConversationClosed
    return conversation


def _assignable(*, organization_id: UUID, user_id: UUID) -> User:
    membership = (
        Membership.objects.active()
        .select_related("user", "custom_role")
        .filter(organization_id=organization_id, user_id=user_id)
        .first()
    )
    if membership is None or not membership.may(Module.INBOX, WRITE):
        raise UnknownAssignee
    return membership.user

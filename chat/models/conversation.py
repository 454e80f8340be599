"""Conversation rows; MongoDB holds the log."""

import secrets
from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.managers import ConversationQuerySet
from chat.models.widget import Widget
from crm.core.ids import uuid7
from crm.core.text.fields import LineField
from crm.core.versions import VersionedModel, set_null_and_raise_version
from crm.customers.models import Customer
from crm.organizations.models import Organization, User


class Status(models.TextChoices):
    BOT = "bot", _("With the bot")
    OPEN = "open", _("Open")
    SNOOZED = "snoozed", _("Snoozed")
    CLOSED = "closed", _("Closed")


class Priority(models.TextChoices):
    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")


class Channel(models.TextChoices):
    WEBSITE = "website", _("Website")


def new_epoch() -> str:
    return secrets.token_hex(6)


# Written together with an event of the log.
LOG_FIELDS = (
    "status",
    "assignee",
    "last_seq",
    "inbound_total",
    "answered_inbound_total",
    "last_message_at",
    "last_message",
    "last_customer_message",
    "waiting_since",
    "escalated_at",
    "replied_by",
    "snoozed_until",
    "closed_at",
)


class Conversation(VersionedModel):
    """The conversation row of one stream.

    ``last_seq``, ``last_message*``, ``last_customer_message``, ``inbound_total``,
    ``answered_inbound_total``, ``waiting_since``, ``escalated_at`` and ``replied_by`` are derived
    from the log and can be rebuilt from it. ``answered_inbound_total`` is the ``inbound_total`` at
    the team's last reply or closing. ``waiting_since`` is the time of the first unanswered customer
    message; ``escalated_at`` is the time of the escalation until a person acts; ``replied_by``
    holds the ids of the members who replied since the bot last owned it. ``version`` covers the
    labels and the priority, which people edit: every other change is an event of the log.
    """

    version_ignores: ClassVar[frozenset[str]] = frozenset({*LOG_FIELDS, "customer_seen_seq"})

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="conversations"
    )
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="conversations")
    widget = models.ForeignKey(
        Widget,
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="conversations",
    )
    channel = models.CharField(max_length=20, choices=Channel, default=Channel.WEBSITE)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    priority = models.CharField(max_length=10, choices=Priority, default=Priority.MEDIUM)
    labels = ArrayField(LineField(max_length=50), default=list, blank=True)
    language_code = models.CharField(max_length=10, blank=True)
    assignee = models.ForeignKey(
        User, on_delete=set_null_and_raise_version, null=True, blank=True, related_name="+"
    )
    epoch = models.CharField(max_length=16, default=new_epoch, editable=False)
    # The client_message_id that opened it: the same first message twice opens one conversation.
    opened_by = models.CharField(max_length=64, editable=False)

    last_seq = models.BigIntegerField(default=0)
    inbound_total = models.BigIntegerField(default=0)
    answered_inbound_total = models.BigIntegerField(default=0)
    last_message_at = models.DateTimeField()
    last_message = models.JSONField(default=dict, blank=True)
    # {} or {seq, text, type, timestamp, is_deleted?}: what the customer said last.
    last_customer_message = models.JSONField(default=dict, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    replied_by = ArrayField(models.UUIDField(), default=list, blank=True)
    customer_seen_seq = models.BigIntegerField(default=0)

    # It began after the plan's conversations were used up; it is served like any other.
    is_over_quota = models.BooleanField(default=False, editable=False)

    snoozed_until = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ConversationQuerySet.as_manager()

    organization_id: UUID
    customer_id: UUID
    assignee_id: UUID | None

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "opened_by"], name="one_conversation_per_first_message"
            )
        ]
        indexes = [
            models.Index(
                fields=["organization", "status", "-last_message_at", "-id"],
                name="inbox_by_status",
            ),
            models.Index(
                fields=["organization", "status", "assignee", "-last_message_at", "-id"],
                name="inbox_by_assignee",
            ),
            models.Index(
                fields=["organization", "status", "waiting_since", "id"],
                name="inbox_by_wait",
                condition=models.Q(waiting_since__isnull=False),
            ),
            models.Index(
                fields=["organization", "status", "assignee", "waiting_since", "id"],
                name="inbox_by_assignee_and_wait",
                condition=models.Q(waiting_since__isnull=False),
            ),
            models.Index(
                fields=["waiting_since"],
                name="assigned_and_waiting",
                condition=models.Q(
                    status="open", assignee__isnull=False, waiting_since__isnull=False
                ),
            ),
            models.Index(fields=["customer", "-id"], name="conversations_of_customer"),
            models.Index(
                fields=["snoozed_until"],
                name="snoozed_conversations",
                condition=models.Q(status="snoozed"),
            ),
            models.Index(fields=["organization", "-updated_at"], name="inbox_latest_change"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} · {self.status}"

    @property
    def stream(self) -> str:
        return f"conversation:{self.id}"

    @property
    def owner_ids(self) -> tuple[UUID, ...]:
        """Return the ids of the record's owners, for `crm.core.permissions`."""
        return (self.assignee_id,) if self.assignee_id else ()

    @property
    def bot_name(self) -> str:
        """Return the bot's name in this conversation's widget, or ""."""
        return self.widget.text("bot_name", self.language_code) if self.widget else ""

    @property
    def is_bot_owned(self) -> bool:
        return self.status == Status.BOT

    @property
    def awaits_person(self) -> bool:
        """Return whether the conversation is escalated and still unassigned."""
        is_untaken = self.status == Status.OPEN and self.assignee_id is None
        return is_untaken and self.escalated_at is not None

    @property
    def is_open_to_bot(self) -> bool:
        """Return whether the bot may write here: no agent has taken over."""
        return self.is_bot_owned or self.awaits_person


class ConversationSize(models.Model):
    """The bytes of text of a conversation at its last measurement."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="size")
    text_bytes = models.BigIntegerField(default=0)
    # The conversation's ``updated_at`` when it was measured.
    measured_at = models.DateTimeField()

    class Meta:
        verbose_name = _("size of a conversation")
        verbose_name_plural = _("sizes of conversations")
        indexes = [
            models.Index(
                fields=["organization"], include=["text_bytes"], name="text_of_organization"
            )
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id} · {self.text_bytes}"


class ConversationRead(models.Model):
    """The read position of one agent.

    Unread = the conversation's inbound_total minus the greater of the one seen and the one
    answered.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="reads")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    seen_seq = models.BigIntegerField(default=0)
    seen_inbound_total = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("reading position")
        verbose_name_plural = _("reading positions")
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "user"], name="one_reading_position_per_agent"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.conversation_id} · {self.seen_seq}"

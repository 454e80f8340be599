"""Conversation rows, in PostgreSQL."""

from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.apps import apps
from django.db import models

from crm.core.permissions import Module, Principal, accessible_owner_ids, accessible_q

if TYPE_CHECKING:
    from chat.models import Conversation
    from crm.organizations.models import User


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, principal: Principal) -> Self:
        # Hide a conversation whose first message is not stored yet.
        return self.filter(accessible_q(principal, Module.INBOX, owner="assignee"), last_seq__gt=0)

    def assigned_within(self, principal: Principal) -> Self:
        """Return the conversations whose assignee the principal can access."""
        return self.filter(
            organization_id=principal.organization_id,
            assignee__in=sorted(accessible_owner_ids(principal, Module.INBOX)),
            last_seq__gt=0,
        )

    def of_customer(self, *, organization_id: UUID, customer_id: UUID) -> Self:
        return self.filter(organization_id=organization_id, customer_id=customer_id)

    def not_closed(self) -> Self:
        return self.exclude(status="closed")

    def with_status(self, status: str) -> Self:
        return self.filter(status=status)

    def assigned_to(self, user: "User") -> Self:
        return self.filter(assignee=user)

    def unassigned(self) -> Self:
        return self.filter(assignee__isnull=True)

    def assigned_to_who_left(self) -> Self:
        """Return the open conversations of deactivated members."""
        active = apps.get_model("organizations", "Membership").objects.active()
        return (
            self.not_closed()
            .filter(assignee__isnull=False)
            .exclude(
                models.Exists(
                    active.filter(
                        organization_id=models.OuterRef("organization_id"),
                        user_id=models.OuterRef("assignee_id"),
                    )
                )
            )
        )

    def newest_first(self) -> Self:
        return self.order_by("-last_message_at", "-id")

    def older_than(self, last_message_at: datetime, pk: UUID) -> Self:
        """Return the part of a ``newest_first`` list after this row."""
        # Written as one range plus a tie-break so that the index is entered at the right place.
        return self.filter(last_message_at__lte=last_message_at).exclude(
            last_message_at=last_message_at, id__gte=pk
        )

    def unanswered(self) -> Self:
        """Return the conversations where the customer wrote after the team's last reply."""
        return self.filter(answered_inbound_total__lt=models.F("inbound_total"))

    def waiting(self) -> Self:
        return self.filter(waiting_since__isnull=False)

    def not_waiting(self) -> Self:
        return self.filter(waiting_since__isnull=True)

    def longest_wait_first(self) -> Self:
        return self.order_by("waiting_since", "id")

    def waiting_less_than(self, waiting_since: datetime, pk: UUID) -> Self:
        """Return the part of a ``longest_wait_first`` list after this row."""
        return self.filter(waiting_since__gte=waiting_since).exclude(
            waiting_since=waiting_since, id__lte=pk
        )

    def unseen_by_assignee_since(self, moment: datetime) -> Self:
        """Return open, assigned conversations waiting since before ``moment`` with
        unread messages.
        """
        reads = apps.get_model("chat", "ConversationRead").objects.filter(
            conversation=models.OuterRef("pk"),
            user=models.OuterRef("assignee"),
            seen_inbound_total__gte=models.OuterRef("inbound_total"),
        )
        return self.filter(
            ~models.Exists(reads),
            status="open",
            assignee__isnull=False,
            waiting_since__lte=moment,
        )

    def due_to_wake(self, now: datetime) -> Self:
        return self.filter(status="snoozed", snoozed_until__lte=now)

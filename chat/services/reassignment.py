"""Reassignment of the conversations of deactivated members."""

from uuid import UUID

from django.db import transaction

from chat.models import Conversation
from chat.services.conversations import SYSTEM
from chat.services.message_log import change, lock_conversation
from crm.core.permissions import WRITE, Module
from crm.organizations.models import Membership, User

BATCH = 200
LEFT = "left"


def reassign(*, organization_id: UUID, user_id: UUID, limit: int = BATCH) -> bool:
    """Reassign the open conversations of a deactivated member to their successor, or unassign them.

    Each in its own transaction; safe to repeat. Return whether more may remain. Do nothing for an
    active member.
    """
    if _is_in(organization_id, user_id):
        return False
    successor = _successor(organization_id, user_id)
    theirs = (
        Conversation.objects.filter(organization_id=organization_id)
        .not_closed()
        .filter(assignee_id=user_id)
    )
    found = list(theirs.values_list("pk", flat=True)[:limit])
    for conversation_id in found:
        with transaction.atomic():
            conversation = lock_conversation(
                organization_id=organization_id, conversation_id=conversation_id
            )
            if conversation.assignee_id == user_id:
                change(
                    conversation,
                    "assigned" if successor else "unassigned",
                    by=SYSTEM,
                    assignee=successor,
                    details={"reason": LEFT},
                )
    return len(found) == limit


def left_behind(*, limit: int = BATCH) -> list[tuple[UUID, UUID]]:
    """Return (organization, user) ids of deactivated members with open conversations."""
    found = Conversation.objects.assigned_to_who_left().values_list(
        "organization_id", "assignee_id"
    )
    return list(dict.fromkeys(found[:limit]))


def _is_in(organization_id: UUID, user_id: UUID) -> bool:
    return (
        Membership.objects.active().in_organization(organization_id).filter(user=user_id).exists()
    )


def _successor(organization_id: UUID, user_id: UUID) -> User | None:
    chosen = Membership.objects.in_organization(organization_id).filter(user=user_id)
    successor = (
        Membership.objects.active()
        .in_organization(organization_id)
        # They may have left since, or lost the right to answer.
        .who_may(Module.INBOX, WRITE)
        .filter(pk__in=chosen.values("successor"))
        .select_related("user")
        .first()
    )
    return successor.user if successor else None

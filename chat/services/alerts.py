"""Notification settings, and emails about customers who wait for a reply."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import (
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from chat.emails import Waiting, somebody_waits
from chat.managers import ConversationQuerySet
from chat.models import AlertEmail, AlertSettings, Conversation, Direction, EventKind, Message
from crm.core.http.public_address import public_url
from crm.core.mail.services import queue_mail
from crm.core.permissions import WRITE, Module
from crm.core.versions import check_version
from crm.organizations.models import Membership

# Further waits within this time are told together.
PAUSE = timedelta(minutes=15)
KEPT = timedelta(days=30)
BATCH = 1000
MAX_IN_ONE = 20


def alert_settings(membership: Membership) -> AlertSettings:
    """Return the member's notification settings; if there are none, unsaved defaults, version 0."""
    whose = {"organization_id": membership.organization_id, "user_id": membership.user_id}
    return AlertSettings.objects.filter(**whose).first() or AlertSettings(**whose, version=0)


@transaction.atomic
def change_alert_settings(
    *,
    by: Membership,
    sound: bool,
    desktop: bool,
    email: bool,
    email_after_minutes: int,
    version: int | None = None,
) -> AlertSettings:
    """Save the member's notification settings in their organization. Raise EditedMeanwhile if they
    are no longer at ``version``; 0 means that there were none.
    """
    own, is_new = AlertSettings.objects.select_for_update().get_or_create(
        organization_id=by.organization_id, user_id=by.user_id
    )
    if not is_new:
        check_version(own, version)
    own.sound, own.desktop, own.email = sound, desktop, email
    own.email_after_minutes = email_after_minutes
    own.save(update_fields=["sound", "desktop", "email", "email_after_minutes"])
    return own


def switch_sound(*, by: Membership, sound: bool) -> AlertSettings:
    """Save whether the sound is on; the other settings are unchanged."""
    changed, _is_new = AlertSettings.objects.update_or_create(
        organization_id=by.organization_id,
        user_id=by.user_id,
        defaults={"sound": sound},
    )
    return changed


def unalerted() -> list[tuple[UUID, UUID]]:
    """Return (organization, user) ids, distinct, of members with unseen waiting customers to
    notify.
    """
    now = timezone.now()
    soonest = now - timedelta(minutes=min(AlertSettings.DELAYS))
    theirs = {"organization": OuterRef("organization"), "user": OuterRef("assignee")}
    own = AlertSettings.objects.filter(**theirs)
    minutes = Coalesce(
        Subquery(own.values("email_after_minutes")), Value(AlertSettings.DEFAULT_DELAY)
    )
    found = (
        _without_email(Conversation.objects.unseen_by_assignee_since(soonest))
        # Whom nothing would be sent to now must not stand in the way of others.
        .filter(~Exists(own.filter(email=False)))
        .alias(
            delay=ExpressionWrapper(
                minutes * Value(timedelta(minutes=1)), output_field=DurationField()
            ),
            due_at=ExpressionWrapper(F("waiting_since") + F("delay"), output_field=DateTimeField()),
        )
        .filter(due_at__lte=now)
        .filter(~Exists(AlertEmail.objects.filter(**theirs, created_at__gt=now - PAUSE)))
        .order_by("organization_id", "assignee_id")
        .values_list("organization_id", "assignee_id")
        .distinct()
    )
    return [(organization_id, user_id) for organization_id, user_id in found[:BATCH] if user_id]


@transaction.atomic
def send_alert_emails(*, organization_id: UUID, user_id: UUID) -> int:
    """Queue one email about all customers who wait for a member unseen. Return their number.

    Safe to repeat, also concurrently: the row of each wait and the email are one transaction,
    under the lock of the membership.
    """
    membership = (
        Membership.objects.select_for_update(of=("self",))
        .active()
        .in_organization(organization_id)
        .who_may(Module.INBOX, WRITE)
        .select_related("user", "organization")
        .filter(user=user_id)
        .first()
    )
    if membership is None or not membership.meets_factor_rule:
        # Customers' words are for whoever may come in.
        return 0
    wanted = alert_settings(membership)
    now = timezone.now()
    if not wanted.email or _was_told_since(membership, now - PAUSE):
        return 0
    late = _late(membership, now - wanted.email_after)
    if not late:
        return 0
    AlertEmail.objects.bulk_create(
        AlertEmail(
            organization_id=organization_id,
            conversation=conversation,
            user_id=user_id,
            waiting_since=conversation.waiting_since,
        )
        for conversation in late
        if conversation.waiting_since is not None
    )
    queue_mail(
        kind="customer_waits",
        to=membership.user.email,
        language_code=membership.user.language_code,
        compose=lambda: somebody_waits(
            membership.organization.name,
            [_words(conversation, now) for conversation in late],
            action_url=_address(late[0] if len(late) == 1 else None),
            settings_url=public_url(reverse("chat:notifications")),
        ),
    )
    return len(late)


def purge_alert_emails() -> int:
    """Delete records of old emails. Return the number of rows."""
    count, _each = AlertEmail.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return count


def _without_email(found: ConversationQuerySet) -> ConversationQuerySet:
    sent = AlertEmail.objects.filter(
        conversation=OuterRef("pk"),
        user=OuterRef("assignee"),
        waiting_since=OuterRef("waiting_since"),
    )
    return found.filter(~Exists(sent))


def _was_told_since(membership: Membership, moment: datetime) -> bool:
    return AlertEmail.objects.filter(
        organization_id=membership.organization_id,
        user_id=membership.user_id,
        created_at__gt=moment,
    ).exists()


def _late(membership: Membership, moment: datetime) -> list[Conversation]:
    found = _without_email(
        Conversation.objects.visible_to(membership)
        .filter(assignee_id=membership.user_id)
        .unseen_by_assignee_since(moment)
    )
    waiting = found.select_related("customer").longest_wait_first()[:MAX_IN_ONE]
    return [conversation for conversation in waiting if _is_unread_since(conversation, moment)]


def _is_unread_since(conversation: Conversation, moment: datetime) -> bool:
    """Return whether the assignee's oldest unread message was written by ``moment``.

    An assignee who read the first message and just received another is still active.
    """
    seen = conversation.reads.filter(user=conversation.assignee_id).first()
    entries = Message.objects.after(
        conversation.organization_id, conversation.pk, seen.seen_seq if seen else 0
    )
    unread = next(
        (
            entry
            for entry in entries
            if entry.kind == EventKind.POSTED
            and entry.direction == Direction.INBOUND
            and entry.deleted_at is None
        ),
        None,
    )
    return unread is not None and unread.timestamp <= moment


def _words(conversation: Conversation, now: datetime) -> Waiting:
    since = conversation.waiting_since or now
    return Waiting(
        customer=conversation.customer.display_name,
        text=str(conversation.last_customer_message.get("text", "")),
        minutes=int((now - since).total_seconds() // 60),
    )


def _address(conversation: Conversation | None) -> str:
    if conversation is None:
        return public_url(f"{reverse('chat:inbox')}?box=mine&status=open")
    return public_url(reverse("chat:inbox_conversation", args=[conversation.pk]))

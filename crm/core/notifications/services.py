"""Services of notifications: tell members of a fact, read, settings, purge."""

from collections.abc import Collection, Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from crm.core import realtime
from crm.core.notifications.kinds import NotificationKind, notification_kinds
from crm.core.notifications.models import Notification, NotificationSettings
from crm.core.notifications.signals import email_wanted
from crm.core.permissions import Principal
from crm.core.permissions.errors import PersonRequired
from crm.core.versions import check_version

KEPT_FOR = timedelta(days=90)
# Of one kind of one member, the newest: many of one kind push out none of another.
MAX_KEPT = 1_000
# Whoever writes note after note about one subject causes one email.
EMAIL_PAUSE = timedelta(minutes=10)
EMAILS_PER_HOUR = 20
# Beyond, the count says that there are more; counting on would take longer with every row.
MAX_COUNTED = 99


@transaction.atomic
def notify(
    *,
    organization_id: UUID,
    kind: NotificationKind,
    key: str,
    subject: str,
    subject_id: UUID,
    user_ids: Iterable[UUID],
    by: Principal | None = None,
    part_id: UUID | None = None,
) -> list[Notification]:
    """Create notifications of a fact, in its transaction; they are published after the commit.

    Safe to repeat: one per member and ``key``. Whoever did it (``by``) gets none. Return the new
    notifications.
    """
    whom = sorted(set(user_ids) - {by.user_id if by else None})
    chosen = {
        each.user_id: each
        for each in NotificationSettings.objects.filter(
            organization_id=organization_id, user_id__in=whom
        )
    }
    made = []
    for user_id in whom:
        own = chosen.get(user_id)
        is_shown, is_emailed = is_chosen(kind, own)
        if not (is_shown or is_emailed):
            continue
        notification, is_new = Notification.objects.get_or_create(
            organization_id=organization_id,
            user_id=user_id,
            kind=kind.name,
            key=key,
            defaults={
                "subject": subject,
                "subject_id": subject_id,
                "part_id": part_id,
                "actor_name": by.actor_name[:255] if by else "",
                "is_shown": is_shown,
            },
        )
        if not is_new:
            continue
        made.append(notification)
        if is_emailed and _may_email(notification):
            notification.is_emailed = True
            notification.save(update_fields=["is_emailed"])
            email_wanted.send(sender=Notification, notification=notification)
    _announce(organization_id, [each.user_id for each in made if each.is_shown])
    return made


def _may_email(notification: Notification) -> bool:
    """Return whether a member may be emailed: once for a subject in EMAIL_PAUSE, and not beyond
    EMAILS_PER_HOUR. What is not emailed is on the page all the same.
    """
    now = timezone.now()
    theirs = Notification.objects.filter(
        organization_id=notification.organization_id,
        user_id=notification.user_id,
        created_at__gt=now - timedelta(hours=1),
        is_emailed=True,
    )
    found = theirs.aggregate(
        total=Count("pk"),
        same=Count(
            "pk",
            filter=Q(
                kind=notification.kind,
                subject_id=notification.subject_id,
                created_at__gt=now - EMAIL_PAUSE,
            ),
        ),
    )
    return not found["same"] and found["total"] < EMAILS_PER_HOUR


def is_chosen(kind: NotificationKind, own: NotificationSettings | None) -> tuple[bool, bool]:
    """Return whether a member has a kind shown, and whether emailed."""
    if own is None:
        return True, kind.is_emailed
    is_emailed = kind.is_emailed or kind.name in own.emailed
    return kind.name not in own.hidden, is_emailed and kind.name not in own.not_emailed


def unread_count(by: Principal) -> int:
    """Return the number of unread notifications, at most MAX_COUNTED + 1."""
    unread = Notification.objects.visible_to(by).unread()
    return unread.values("pk")[: MAX_COUNTED + 1].count()


@transaction.atomic
def mark_read(*, by: Principal, ids: Collection[UUID] | None = None) -> int:
    """Mark the principal's notifications as read, all without ``ids``; return how many were not.

    Safe to repeat. Raise PersonRequired for an API key.
    """
    if by.user_id is None:
        raise PersonRequired
    unread = Notification.objects.visible_to(by).unread()
    if ids is not None:
        unread = unread.filter(pk__in=ids)
    count = unread.update(read_at=timezone.now())
    if count:
        _announce(by.organization_id, [by.user_id])
    return count


def notification_settings(by: Principal) -> NotificationSettings:
    """Return the member's settings; if there are none, unsaved defaults, version 0.

    Raise PersonRequired for an API key.
    """
    if by.user_id is None:
        raise PersonRequired
    whose = {"organization_id": by.organization_id, "user_id": by.user_id}
    own: NotificationSettings | None = NotificationSettings.objects.filter(**whose).first()
    return own or NotificationSettings(**whose, version=0)


@transaction.atomic
def change_notification_settings(
    *,
    by: Principal,
    shown: Collection[str] | None = None,
    emailed: Collection[str] | None = None,
    version: int | None = None,
) -> NotificationSettings:
    """Choose by name which kinds are shown and emailed; all others are not. None: as before.

    Raise PersonRequired, and EditedMeanwhile unless they are at ``version``; 0: there were none.
    """
    if by.user_id is None:
        raise PersonRequired
    own, is_new = NotificationSettings.objects.select_for_update().get_or_create(
        organization_id=by.organization_id, user_id=by.user_id
    )
    if not is_new:
        check_version(own, version)
    names = [kind.name for kind in notification_kinds()]
    # Kinds of an app that is away for a while stay as they were chosen.
    if shown is not None:
        own.hidden = _chosen(own.hidden, names, set(names) - set(shown))
    if emailed is not None:
        own.emailed = _chosen(own.emailed, names, set(emailed))
        own.not_emailed = _chosen(own.not_emailed, names, set(names) - set(emailed))
    own.save(update_fields=["hidden", "emailed", "not_emailed"])
    return own


def purge_notifications() -> int:
    """Delete notifications that are old, or not among a member's newest of their kind; return
    their number.
    """
    old = Notification.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    count, _by_model = old.delete()
    numbered = Notification.objects.annotate(
        number=Window(
            RowNumber(),
            partition_by=[F("organization_id"), F("user_id"), F("kind")],
            order_by=[F("created_at").desc(), F("pk").desc()],
        )
    )
    beyond = list(numbered.filter(number__gt=MAX_KEPT).values_list("pk", flat=True))
    more, _by_model = Notification.objects.filter(pk__in=beyond).delete()
    return count + more


def _chosen(stored: Collection[str], names: Collection[str], wanted: Collection[str]) -> list[str]:
    return sorted({name for name in stored if name not in names} | set(wanted))


def _announce(organization_id: UUID, user_ids: Collection[UUID]) -> None:
    if not user_ids:
        return
    messages = [
        (realtime.member_group(organization_id, user_id), {"type": "member.notified"})
        for user_id in user_ids
    ]
    transaction.on_commit(lambda: realtime.publish(*messages), robust=True)

"""Notifications about rows of records: somebody gave one to a member, or named them in a note."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.core.models import Note
from crm.core.notifications.kinds import (
    NotificationKind,
    register_kind,
)
from crm.core.notifications.people import mentioned
from crm.core.notifications.services import notify
from crm.core.permissions import Principal

if TYPE_CHECKING:
    from crm.core.records.record import Record

QUOTED = 200


def _assigned(actor: str, title: str) -> str:
    params = {"name": actor, "title": title}
    return gettext("%(name)s assigned to you: %(title)s") % params


def _mentioned(actor: str, title: str) -> str:
    params = {"name": actor, "title": title}
    return gettext("%(name)s mentioned you in a note on: %(title)s") % params


def _quotes(reader: Principal, note_ids: Collection[UUID]) -> Mapping[UUID, str]:
    notes = Note.objects.filter(organization_id=reader.organization_id, pk__in=note_ids)
    return {note.pk: note.text[:QUOTED] for note in notes}


ASSIGNED = register_kind(
    NotificationKind(
        name="assigned", label=_("Somebody assigned something to you"), icon="user", say=_assigned
    )
)
MENTIONED = register_kind(
    NotificationKind(
        name="mentioned",
        label=_("Somebody mentioned you in a note"),
        icon="message-circle",
        say=_mentioned,
        quote=_quotes,
    )
)


def notify_owner(by: Principal, slug: str, row: Any, before: UUID | None = None) -> None:
    """Notify the new owner of a row, in the same transaction, unless they made the change."""
    if row.owner_id is None or row.owner_id == before:
        return
    notify(
        organization_id=row.organization_id,
        kind=ASSIGNED,
        key=f"{slug}:{row.pk}:{row.version}",
        subject=slug,
        subject_id=row.pk,
        user_ids=[row.owner_id],
        by=by,
    )


def notify_mentioned(by: Principal, record: "Record", note: Note) -> None:
    """Notify the members whom a note names and who may see its row, each once for a note."""
    members = mentioned(note.organization_id, note.text)
    readers = [
        each.user_id
        for each in members
        if each.user_id and record.visible_to(each).filter(pk=note.row_id).exists()
    ]
    notify(
        organization_id=note.organization_id,
        kind=MENTIONED,
        key=str(note.pk),
        subject=record.slug,
        subject_id=note.row_id,
        part_id=note.pk,
        user_ids=readers,
        by=by,
    )

"""Undo of deletions and of actions on many rows, recorded in the same transaction."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib import messages
from django.core import serializers
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from django.db.models.deletion import Collector
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from crm.core.errors import Conflict, NotFound
from crm.core.models import UndoableAction
from crm.core.permissions import Principal
from crm.core.versions import raised

# A message with this tag is shown beside an undo button.
UNDO_TAG = "undo:"
BACK = gettext_noop("It is back.")
UNDO_FOR = timedelta(hours=1)
KEPT_FOR = timedelta(days=1)
# Returns what to say, None for the usual.
Handler = Callable[[Principal, dict[str, Any]], str | None]
_handlers: dict[str, Handler] = {}


class UndoNotFound(NotFound):
    code = "undo_not_found"
    message = gettext_noop("This can no longer be undone.")


class UndoImpossible(Conflict):
    code = "undo_impossible"
    message = gettext_noop(
        "This cannot be undone: something else has its name or its place by now."
    )


def register_undo(kind: str, handler: Handler) -> None:
    """Register ``handler(by, data)`` for actions of this kind; it checks the permission."""
    _handlers[kind] = handler


def undoable_kinds() -> set[str]:
    return set(_handlers)


def record_undoable(*, by: Principal | None, kind: str, data: dict[str, Any]) -> UUID | None:
    """Record an action in its own transaction. Return its id, None without a user."""
    if by is None or by.user_id is None:
        return None
    return UndoableAction.objects.create(
        organization_id=by.organization_id, user_id=by.user_id, kind=kind, data=data
    ).pk


@transaction.atomic
def undo(*, by: Principal, action_id: UUID, since: datetime | None = None) -> str:
    """Undo an action of this user; return what to say about it. Safe to repeat.

    Its time ends UNDO_FOR after it, unless it belongs to something that began at ``since``.

    Raise UndoNotFound for an unknown or expired action or another user's, and UndoImpossible where
    its name or place is taken or its parent is gone.
    """
    if by.user_id is None:
        raise UndoNotFound
    action = (
        UndoableAction.objects.select_for_update()
        .filter(
            organization_id=by.organization_id,
            user_id=by.user_id,
            pk=action_id,
            created_at__gt=since or timezone.now() - UNDO_FOR,
        )
        .first()
    )
    if action is None or action.kind not in _handlers:
        raise UndoNotFound
    if action.undone_at is not None:
        return gettext(BACK)
    try:
        with transaction.atomic():
            told = _handlers[action.kind](by, action.data)
            # References are checked at the commit: what a row belongs to may be gone by now.
            connection.check_constraints()
    except IntegrityError as taken:
        raise UndoImpossible from taken
    action.undone_at = timezone.now()
    action.save(update_fields=["undone_at"])
    return told or gettext(BACK)


def snapshot(instance: Model) -> dict[str, Any]:
    """Return what deleting a row removes and unlinks, as JSON for `restore`."""
    collector = Collector(using="default", origin=instance)
    collector.collect([instance])
    removed: list[Model] = [instance]
    groups: Iterable[Any] = [*collector.data.values(), *collector.fast_deletes]
    for group in groups:
        removed += [each for each in group if each.pk != instance.pk]
    unlinked = []
    updates: dict[Any, Any] = collector.field_updates
    for (field, _value), groups_of_rows in updates.items():
        ids = [str(row.pk) for rows in groups_of_rows for row in rows]
        if ids and field.is_relation:
            unlinked.append({"model": field.model._meta.label, "field": field.name, "ids": ids})
    return {
        "rows": json.loads(serializers.serialize("json", removed)),
        "unlinked": unlinked,
        "pk": str(instance.pk),
    }


def restore(data: dict[str, Any]) -> None:
    """Insert the rows of a snapshot again, and restore the links that are still empty."""
    for row in serializers.deserialize("python", data["rows"]):
        row.save(force_insert=True)
    for each in data["unlinked"]:
        model, field = apps.get_model(each["model"]), each["field"]
        rows = model._base_manager.filter(pk__in=each["ids"], **{f"{field}__isnull": True})
        rows.update(**{f"{field}_id": data["pk"]}, **raised(model))


def purge_undoable() -> int:
    """Delete actions that can no longer be undone; return their number."""
    horizon = timezone.now() - KEPT_FOR
    count, _by_model = UndoableAction.objects.filter(created_at__lt=horizon).delete()
    return count


def offer_undo(request: HttpRequest, text: str, action_id: UUID | None) -> None:
    """Show what was done; with an action, beside an undo button."""
    tag = f"{UNDO_TAG}{action_id}" if action_id else ""
    messages.success(request, text, extra_tags=tag)

"""Undo of deletions and bulk actions.

An action is recorded in its own transaction and can be undone by who did it for UNDO_FOR.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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
from crm.core.permissions import ApiKeyPrincipal, Principal
from crm.core.versions import raised

# A message with this tag is shown beside an undo button.
UNDO_TAG = "undo:"
RESTORED = gettext_noop("It is back.")
UNDO_FOR = timedelta(hours=1)
KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class UndoResult:
    """The result of an undo: a sentence, the rows that were restored, and those that were not."""

    text: str
    done: int = 1
    left: int = 0


# Returns None for a single restored row.
Handler = Callable[[Principal, dict[str, Any]], UndoResult | None]
_handlers: dict[str, Handler] = {}


class UndoNotFound(NotFound):
    code = "undo_not_found"
    message = gettext_noop("This can no longer be undone.")


class UndoImpossible(Conflict):
    code = "undo_impossible"
    message = gettext_noop(
        "This cannot be undone: something else has its name or its place by now."
    )


# Kinds that an operator who impersonates a member may undo.
_daily_work: set[str] = set()


def register_undo(kind: str, handler: Handler, *, is_daily_work: bool = False) -> None:
    """Register ``handler(by, data)`` for actions of this kind; it checks the permission.

    Impersonators may undo only ``is_daily_work``, not changes of users, roles or personal settings.
    """
    _handlers[kind] = handler
    if is_daily_work:
        _daily_work.add(kind)


def undoable_kinds() -> set[str]:
    return set(_handlers)


def record_undoable(*, by: Principal, kind: str, data: dict[str, Any]) -> UUID | None:
    """Record an action, in the caller's transaction.

    Return its id, or None for who is neither a user nor an API key.
    """
    actor = _actor(by)
    if actor is None:
        return None
    return UndoableAction.objects.create(
        organization_id=by.organization_id, kind=kind, data=data, **actor
    ).pk


def _actor(by: Principal) -> dict[str, UUID] | None:
    """Return who did an action, as it is stored."""
    if isinstance(by, ApiKeyPrincipal):
        return {"key_id": UUID(by.key_id)}
    return {"user_id": by.user_id} if by.user_id else None


@transaction.atomic
def undo(*, by: Principal, action_id: UUID, since: datetime | None = None) -> UndoResult:
    """Undo an action of this user, or API key. Safe to repeat: the repetition does nothing.

    The action must be younger than UNDO_FOR or, as a part of a larger action, than ``since``.

    Raise UndoNotFound for an unknown or expired action or another user's, UndoImpossible if a
    unique value is taken or a referenced row is gone.
    """
    actor = _actor(by)
    if actor is None:
        raise UndoNotFound
    action = (
        UndoableAction.objects.select_for_update()
        .filter(
            organization_id=by.organization_id,
            pk=action_id,
            created_at__gt=since or timezone.now() - UNDO_FOR,
            **actor,
        )
        .first()
    )
    if action is None or action.kind not in _handlers:
        raise UndoNotFound
    if by.impersonation and action.kind not in _daily_work:
        raise UndoNotFound
    if action.undone_at is not None:
        return UndoResult(gettext(RESTORED), done=0)
    try:
        with transaction.atomic():
            undone = _handlers[action.kind](by, action.data)
            # Foreign keys are deferred until the commit, where an error could not be handled.
            connection.check_constraints()
    except IntegrityError as taken:
        raise UndoImpossible from taken
    action.undone_at = timezone.now()
    action.save(update_fields=["undone_at"])
    return undone or UndoResult(gettext(RESTORED))


def snapshot(instance: Model) -> dict[str, Any]:
    """Return the rows that deleting a row deletes or sets to NULL, as JSON for `restore`."""
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
    """Insert the rows of a snapshot again; set foreign keys to them that are still NULL."""
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
    """Add a success message; with an action id, it is shown with an undo button."""
    tag = f"{UNDO_TAG}{action_id}" if action_id else ""
    messages.success(request, text, extra_tags=tag)

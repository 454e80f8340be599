"""Services of saved views."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop

from crm.core.database.rls_policies import organization_model
from crm.core.errors import Conflict, Forbidden, Invalid, NotFound
from crm.core.models import DefaultView, SavedView
from crm.core.permissions import WRITE, Module, Principal, require
from crm.core.records.lists import ListState
from crm.core.records.record import Record
from crm.core.stored_text import require_room, require_room_for, typed_bytes
from crm.core.text.folding import is_taken
from crm.core.text.normalization import is_blank
from crm.core.undo.services import UndoImpossible, record_undoable, register_undo, restore, snapshot
from crm.core.versions import check_version

# Views of one user on one list.
MAX_VIEWS = 50
# Shared views of all others on one list that are shown, oldest first.
MAX_SHARED = 200
ALL = "all"


class SavedViewNotFound(NotFound):
    code = "saved_view_not_found"
    message = gettext_noop("There is no such view, or it is not shared any more.")


class SavedViewNotYours(Forbidden):
    code = "saved_view_not_yours"
    message = gettext_noop(
        "Only its owner and who manages the settings can change a shared view. Save it as your own."
    )


class SavedViewNameInvalid(Invalid):
    code = "saved_view_name_invalid"
    status = 422
    message = gettext_noop("A view needs a name that can be read. Write one.")


class SavedViewNameTaken(Conflict):
    code = "saved_view_name_taken"
    message = gettext_noop("Another view of yours has this name. Choose another one.")


class TooManySavedViews(Conflict):
    code = "too_many_saved_views"
    message = gettext_noop("You can save 50 views of a list. Delete one first.")


@dataclass(frozen=True, slots=True)
class View:
    """A built-in or saved view of a list, with the state that it selects.

    Its owner may change it, and who manages the settings (``is_changeable``).
    """

    key: str
    label: str
    state: ListState
    saved: SavedView | None = None
    is_mine: bool = False
    is_changeable: bool = False
    is_default: bool = False


def views_of(by: Principal, record: Record) -> list[View]:
    """Return the views of a list that the principal may use: built-in, shared, own."""
    default = default_view_of(by, record)
    views = [
        View(
            each.key,
            str(each.label),
            ListState.from_stored(record, {"where": each.where}, each.key),
            is_default=each.key == default,
        )
        for each in record.views
    ]
    saved = SavedView.objects.visible_to(by).of_record(record.slug).oldest_first()
    # Limited separately, so that shared views never displace the user's own.
    shared = saved.exclude(owner_id=by.user_id) if by.user_id else saved
    own = saved.filter(owner_id=by.user_id) if by.user_id else saved.none()
    manages = by.may(Module.SETTINGS, WRITE)
    for row in [*shared[:MAX_SHARED], *own[:MAX_VIEWS]]:
        key = str(row.pk)
        state = ListState.from_stored(record, row.state, key)
        is_mine = row.owner_id == by.user_id
        may_change = is_mine or manages
        views.append(View(key, row.name, state, row, is_mine, may_change, key == default))
    return views


def find_view(by: Principal, record: Record, key: str) -> View:
    """Return the view with this key. Raise SavedViewNotFound."""
    found = next((view for view in views_of(by, record) if view.key == key), None)
    if found is None:
        raise SavedViewNotFound
    return found


def default_view_of(by: Principal, record: Record) -> str:
    """Return the key of the user's default view, or ""."""
    if by.user_id is None:
        return ""
    found = DefaultView.objects.filter(
        organization_id=by.organization_id, user_id=by.user_id, record=record.slug
    ).first()
    return found.view if found else ""


@transaction.atomic
def create_view(*, by: Principal, state: ListState, name: str, is_shared: bool) -> SavedView:
    """Save a state as the user's view.

    Raise Forbidden, SavedViewNameInvalid, SavedViewNameTaken, TooManySavedViews, and QuotaExceeded
    beyond the plan's text.
    """
    record = state.record
    require(by, record.area)
    if by.user_id is None:
        raise SavedViewNotYours
    if is_blank(name):
        raise SavedViewNameInvalid
    _lock_names(by)
    view = SavedView(
        organization_id=by.organization_id,
        owner_id=by.user_id,
        record=record.slug,
        name=name,
        is_shared=is_shared,
        state=state.stored(),
    )
    names = _names_beside(view)
    if len(names) >= MAX_VIEWS:
        raise TooManySavedViews
    if is_taken(name, names):
        raise SavedViewNameTaken
    _save(view)
    require_room(by.organization_id)
    return view


@transaction.atomic
def update_view(
    *, by: Principal, record: Record, view_id: UUID, version: int | None, **changes: Any
) -> SavedView:
    """Change a view's ``name``, ``is_shared`` or ``state`` (a ListState), or ``parts`` of that.

    Raise SavedViewNotFound, SavedViewNotYours, SavedViewNameInvalid, SavedViewNameTaken,
    EditedMeanwhile, and QuotaExceeded for more text than the plan has room for.
    """
    _lock_names(by)
    view = _locked(by, record, view_id)
    check_version(view, version)
    before = typed_bytes(view)
    if (name := changes.get("name")) is not None:
        if is_blank(name):
            raise SavedViewNameInvalid
        if is_taken(name, _names_beside(view)):
            raise SavedViewNameTaken
        view.name = name
    if (is_shared := changes.get("is_shared")) is not None:
        if not is_shared and view.owner_id != by.user_id:
            # Nobody but its owner would find it again.
            raise SavedViewNotYours
        view.is_shared = is_shared
    if parts := changes.pop("parts", None):
        present = ListState.from_stored(record, view.state, "")
        changes["state"] = replace(present, **parts)
    if (state := changes.get("state")) is not None:
        view.state = state.stored()
    _save(view, update_fields=[*changes, "updated_at"])
    require_room_for(view, before)
    return view


@transaction.atomic
def delete_view(
    *, by: Principal, record: Record, view_id: UUID, version: int | None = None
) -> tuple[SavedView, UUID | None]:
    """Delete a view. Return it and the id for `undo`.

    Raise SavedViewNotFound, SavedViewNotYours or EditedMeanwhile.
    """
    view = _locked(by, record, view_id)
    check_version(view, version)
    action_id = record_undoable(by=by, kind="saved_view", data=snapshot(view))
    deleted = SavedView(pk=view.pk, name=view.name, record=view.record)
    view.delete()
    return deleted, action_id


@transaction.atomic
def set_default_view(*, by: Principal, record: Record, key: str) -> None:
    """Set the user's default view of a list. Raise SavedViewNotFound."""
    if by.user_id is None or key not in {view.key for view in views_of(by, record)}:
        raise SavedViewNotFound
    DefaultView.objects.update_or_create(
        organization_id=by.organization_id,
        user_id=by.user_id,
        record=record.slug,
        defaults={"view": key},
    )


def _restore_view(by: Principal, data: dict[str, Any]) -> None:
    restore(data)
    require_room(by.organization_id)
    view = SavedView.objects.get(pk=UUID(data["pk"]))
    others = _names_beside(view)
    if view.owner_id != by.user_id and not by.may(Module.SETTINGS, WRITE):
        raise SavedViewNotYours
    if is_taken(view.name, others) or len(others) >= MAX_VIEWS:
        raise UndoImpossible


register_undo("saved_view", _restore_view)


def _lock_names(by: Principal) -> None:
    """Lock the organization's row, so that counts and names of views are checked serially."""
    organizations = organization_model()._default_manager
    organizations.select_for_update(no_key=True).get(pk=by.organization_id)


def _save(view: SavedView, **options: Any) -> None:
    try:
        with transaction.atomic():
            view.save(**options)
    except IntegrityError as error:
        # A concurrent request saved the same name.
        raise SavedViewNameTaken from error


def _locked(by: Principal, record: Record, view_id: UUID) -> SavedView:
    """Return a view of the record's list that the principal may change: its owner may, and who
    manages settings.
    """
    visible = SavedView.objects.visible_to(by).of_record(record.slug).filter(pk=view_id)
    view = SavedView.objects.select_for_update().filter(pk__in=visible.values("pk")).first()
    if view is None or not by.may(record.area):
        raise SavedViewNotFound
    if view.owner_id != by.user_id and not by.may(Module.SETTINGS, WRITE):
        raise SavedViewNotYours
    return view


def _names_beside(view: SavedView) -> list[str]:
    """Return the names of the other views of a view's owner on the same list."""
    theirs = SavedView.objects.filter(
        organization_id=view.organization_id, owner_id=view.owner_id
    ).exclude(pk=view.pk)
    return list(theirs.of_record(view.record).values_list("name", flat=True))

"""Kinds of notifications, and what they can be about: declared by apps in their ``ready``.

ASSIGNED = register_kind(NotificationKind(name="assigned", label=_("…"), icon="user", say=…))
register_subject("customers", titles)
notify(kind=ASSIGNED, key=…, subject="customers", subject_id=…, user_ids=[…], by=by)
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from crm.core.notifications.models import Notification
from crm.core.permissions import Principal
from crm.core.text.normalization import isolate


@dataclass(frozen=True, slots=True)
class Subject:
    """What a notification is about, as its reader may see it."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationKind:
    """A kind. ``say(actor, title)`` is its sentence in the active language; both are names.

    ``quote(reader, part_ids)`` returns words of the parts of subjects, e.g. of notes; it is asked
    only for subjects that the reader may see. ``is_emailed`` is what holds unless a member chooses.
    """

    name: str
    label: Any
    icon: str
    say: Callable[[str, str], str]
    quote: Callable[[Principal, Collection[UUID]], Mapping[UUID, str]] | None = None
    is_emailed: bool = False


Titles = Callable[[Principal, Collection[UUID]], Mapping[UUID, Subject]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A notification for its reader; without ``url`` there is nothing to open any more."""

    notification: Notification
    text: str
    icon: str
    url: str = ""
    quote: str = ""


_kinds: dict[str, NotificationKind] = {}
_subjects: dict[str, Titles] = {}
_finders: list[Callable[[str], Titles | None]] = []


def register_kind(kind: NotificationKind) -> NotificationKind:
    _kinds[kind.name] = kind
    return kind


def notification_kinds() -> list[NotificationKind]:
    return sorted(_kinds.values(), key=lambda kind: kind.name)


def find_kind(name: str) -> NotificationKind | None:
    """Return a registered kind, None for one of another release."""
    return _kinds.get(name)


def register_subject(name: str, titles: Titles) -> None:
    """Register ``titles(reader, ids)``: by id the subjects of this name that the reader may see."""
    _subjects[name] = titles


def register_subjects(find: Callable[[str], Titles | None]) -> None:
    """Register many at once: ``find(name)`` returns the titles of a subject, None for others'."""
    _finders.append(find)


def present(reader: Principal, notifications: Iterable[Notification]) -> list[Shown]:
    """Return notifications for their reader, with one query for each subject among them."""
    rows = list(notifications)
    subjects: dict[tuple[str, UUID], Subject] = {}
    for name in {each.subject for each in rows}:
        if titles := _titles_of(name):
            ids = {each.subject_id for each in rows if each.subject == name}
            found = titles(reader, ids)
            subjects |= {(name, pk): subject for pk, subject in found.items()}
    quotes: dict[UUID, str] = {}
    for kind in {each.kind for each in rows}:
        declared = _kinds.get(kind)
        if declared and declared.quote:
            parts = {
                each.part_id
                for each in rows
                if each.kind == kind and (each.subject, each.subject_id) in subjects
            }
            quotes |= declared.quote(reader, [part for part in parts if part])
    return [_shown(each, subjects, quotes) for each in rows]


def _shown(
    row: Notification, subjects: Mapping[tuple[str, UUID], Subject], quotes: Mapping[UUID, str]
) -> Shown:
    kind = _kinds.get(row.kind)
    if kind is None:
        return Shown(row, row.kind, "bell")
    actor = isolate(row.actor_name) if row.actor_name else gettext("Somebody")
    subject = subjects.get((row.subject, row.subject_id))
    if subject is None:
        return Shown(row, kind.say(actor, gettext("something you cannot see any more")), kind.icon)
    quote = quotes.get(row.part_id, "") if row.part_id else ""
    text = kind.say(actor, isolate(subject.title))
    return Shown(row, text, kind.icon, subject.url, quote)


def _titles_of(name: str) -> Titles | None:
    if name in _subjects:
        return _subjects[name]
    return next((titles for find in _finders if (titles := find(name))), None)

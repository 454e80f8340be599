"""Rows that the rows of a file name: found, or added where the field says how."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from crm.core.errors import AppError
from crm.core.permissions import Principal
from crm.core.records import Record, RelationField
from crm.core.store_errors import collision_of
from crm.core.text.folding import identity_key
from crm.core.transfer.outcomes import FAULTY, Outcome, shown

# Titles in one sentence.
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Missing:
    """The name of a related row that is not there yet."""

    name: str


class RelatedRows:
    """The related rows of some rows: `find` first, then `add` for those that are stored."""

    def __init__(self, record: Record, names: Sequence[str]) -> None:
        found = (record.field(name) for name in names)
        self._fields = [each for each in found if isinstance(each, RelationField)]
        self._added: dict[tuple[str, str], Model | AppError] = {}

    def find(self, by: Principal, outcomes: Sequence[Outcome]) -> None:
        """Replace names by ids, or by `Missing`; refuse what can be neither."""
        self._added = {}
        for field in self._fields:
            # Of a row that is refused for something else, too: all is said at once.
            named = [each for each in outcomes if field.name in each.values]
            look_up = field.look_up(by, {each.values[field.name] for each in named})
            for outcome in named:
                name = outcome.values[field.name]
                ids = look_up(name, outcome.values)
                if len(ids) > 1:
                    outcome.refuse(field.name, _several(by, field, ids))
                elif ids:
                    outcome.values[field.name] = ids[0]
                elif field.add is None:
                    outcome.refuse(field.name, _("There is no entry of this name."))
                else:
                    outcome.values[field.name] = Missing(name)

    def add(self, by: Principal, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Add what is missing, once each; return the rows that are not refused."""
        for outcome in outcomes:
            for field in self._fields:
                missing = outcome.values.get(field.name)
                if isinstance(missing, Missing):
                    self._add(by, outcome, field, missing.name)
        return [each for each in outcomes if each.kind != FAULTY]

    def _add(self, by: Principal, outcome: Outcome, field: RelationField, name: str) -> None:
        place = (field.name, identity_key(name))
        made = self._added.get(place)
        if made is None:
            made = self._added[place] = _made(by, field, name)
            if isinstance(made, Model):
                outcome.added[field.name] = str(made.pk)
        if isinstance(made, Model):
            outcome.values[field.name] = made.pk
        else:
            outcome.refuse(field.name, made.message)


def _several(by: Principal, field: RelationField, ids: Sequence[UUID]) -> str:
    """Return that several rows are meant, and how each is named where their titles differ."""
    rows = field.visible_to(by).in_bulk(ids[:_SHOWN])
    titles = list(dict.fromkeys(field.title_of(row) for row in rows.values()))
    if len(titles) < len(rows):
        return _("Several entries are called so.")
    return _("Several entries are called so. Write one of these: %(titles)s.") % {
        "titles": ", ".join(f"“{shown(title)}”" for title in titles)
    }


def _made(by: Principal, field: RelationField, name: str) -> Model | AppError:
    assert field.add is not None  # noqa: S101  asked by `find`
    try:
        with transaction.atomic():
            return field.add(by=by, name=name)
    except AppError as refusal:
        return refusal
    except DatabaseError as error:
        collision = collision_of(error)
        if collision is None:
            raise
        return collision

"""Columns of a file and fields of a record: which is which, and what a cell says of a field."""

from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.utils import translation

from crm.core.records import Field, Record, get_record
from crm.core.text.normalization import LONGEST_UNNAMED, is_blank, is_too_long, search_key
from crm.core.transfer.formats import with_formula


def fields_of(record: Record) -> list[Field]:
    """Return the fields that can be imported: those of the record's form."""
    return [field for name in record.form if (field := record.field(name))]


def guess_mapping(record: Record, columns: Sequence[str]) -> list[str]:
    """Return the name of a field for each column, "" where none is called like it.

    A field is called by its name and by its label in each language; each is given once.
    """
    names = _names(record.slug)
    mapping = [""] * len(columns)
    folded = [search_key(column.replace("_", " ")) for column in columns]
    left = list(names)
    for is_alike in (_is_same, _is_part):
        for number, column in enumerate(folded):
            if mapping[number] or not column:
                continue
            found = next(
                (name for name in left if any(is_alike(column, each) for each in names[name])), ""
            )
            if found:
                mapping[number] = found
                left.remove(found)
    return mapping


def _is_same(column: str, name: str) -> bool:
    return column == name


def _is_part(column: str, name: str) -> bool:
    """Return whether all words of the one are among those of the other ("email", "their email")."""
    ours, theirs = set(name.replace("-", "").split()), set(column.replace("-", "").split())
    return ours <= theirs or theirs <= ours


@lru_cache(maxsize=100)
def _names(slug: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for field in fields_of(get_record(slug)):
        called = [search_key(each) for each in (field.name.replace("_", " "), *field.aliases)]
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                called.append(search_key(field.heading))
        found[field.name] = tuple(dict.fromkeys(called))
    return found


class CellReader:
    """Reads the cells of one field: a choice by its key or its label, in any language."""

    def __init__(self, field: Field) -> None:
        self._choices: dict[str, str] = {}
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                self._choices |= {search_key(label): key for key, label in field.choices()}
        self._choices |= {search_key(key): key for key, _label in field.choices()}
        longest = getattr(field.form_field(), "max_length", None)
        self._longest: int | None = longest or max(map(len, self._choices), default=None)

    def text_of(self, cell: str) -> str:
        """Return what the form's field takes, "" of a cell that shows nothing.

        Raise ValidationError for one that is far too long, before any work with it.
        """
        if is_too_long(cell, self._longest):
            MaxLengthValidator(self._longest or LONGEST_UNNAMED)(cell)
        cell = with_formula(cell)
        if is_blank(cell):
            return ""
        return self._choices.get(search_key(cell), cell) if self._choices else cell

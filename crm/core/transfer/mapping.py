"""Columns of a file and fields of a record: which is which, and what a cell says of a field."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils import translation
from django.utils.translation import gettext

from crm.core.permissions import Principal
from crm.core.records import (
    BooleanField,
    DecimalField,
    Field,
    MoneyField,
    Record,
    RelationField,
    get_record,
)
from crm.core.text.folding import search_key
from crm.core.text.normalization import DEFAULT_MAX_LENGTH, is_blank, is_too_long
from crm.core.transfer.formats import with_formula


def fields_of(record: Record) -> list[Field]:
    """Return the fields that can be imported: those of the record's form."""
    return [field for name in record.form if (field := record.field(name))]


def guess_mapping(record: Record, columns: Sequence[str], *, is_exact: bool = False) -> list[str]:
    """Return the name of a field for each column, "" where none is called like it, or exactly so.

    A field is called by its name and by its label in each language; each is given once. Of several
    columns that are called only partly like a field ("First name", "Last name"), none is it.
    """
    names = _names(record.slug)
    mapping = [""] * len(columns)
    folded = [search_key(column.replace("_", " ")) for column in columns]
    left = list(names)
    for number, column in enumerate(folded):
        found = next((name for name in left if column in names[name]), "")
        if column and found:
            mapping[number] = found
            left.remove(found)
    if is_exact:
        return mapping
    partly = [(number, _partly(column, left, names)) for number, column in enumerate(folded)]
    for number, found in partly:
        if found and not mapping[number] and [name for _at, name in partly].count(found) == 1:
            mapping[number] = found
    return mapping


def _partly(column: str, left: Sequence[str], names: Mapping[str, Sequence[str]]) -> str:
    """Return the first field that is left and called partly like a column, else ""."""
    if not column:
        return ""
    return next((name for name in left if any(_is_part(column, each) for each in names[name])), "")


def _is_part(column: str, name: str) -> bool:
    """Return whether all words of the one are among those of the other ("email", "their email").
    A letter is no word.
    """
    if len(name) == 1:
        return False
    ours, theirs = set(name.replace("-", "").split()), set(column.replace("-", "").split())
    return ours <= theirs or theirs <= ours


@lru_cache(maxsize=100)
def _names(slug: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for field in fields_of(get_record(slug)):
        more = (*field.aliases, *field.also_called)
        called = [search_key(each) for each in (field.name.replace("_", " "), *more)]
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                called.append(search_key(field.heading))
        found[field.name] = tuple(dict.fromkeys(called))
    return found


_THREE_PLACES = re.compile(r"-?[0-9]+\.[0-9]{3}", re.ASCII)


class CellReader:
    """Reads the cells of one field: a choice by its key or its label, in any language, and what is
    true or not by such words as people write. A related row keeps its name.

    The cells of a workbook have types, and so no marks before formulas.
    """

    def __init__(self, field: Field, by: Principal, *, is_workbook: bool = False) -> None:
        self._is_workbook = is_workbook
        self._is_boolean = isinstance(field, BooleanField)
        self._is_number = isinstance(field, DecimalField | MoneyField)
        self._choices: dict[str, str] = {}
        if not isinstance(field, RelationField):
            for language, _name in settings.LANGUAGES:
                with translation.override(language):
                    known = _words() if self._is_boolean else field.choices_for(by)
                    self._choices |= {search_key(label): key for key, label in known}
            self._choices |= {search_key(key): key for key, _label in field.choices_for(by)}
        longest = getattr(field.cell_field(by), "max_length", None)
        self._longest: int | None = longest or max(map(len, self._choices), default=None)

    def text_of(self, cell: str) -> str:
        """Return what the form's field takes, "" of a cell that shows nothing.

        Raise ValidationError for one that is far too long, before any work with it.
        """
        if is_too_long(cell, self._longest):
            MaxLengthValidator(self._longest or DEFAULT_MAX_LENGTH)(cell)
        if not self._is_workbook:
            cell = with_formula(cell)
        elif self._is_number and _THREE_PLACES.fullmatch(cell):
            # A number, whose point groups no thousands.
            cell += "0"
        if is_blank(cell):
            return ""
        if self._is_boolean and search_key(cell) not in self._choices:
            raise ValidationError(gettext("Write yes or no."))
        return self._choices.get(search_key(cell), cell) if self._choices else cell


def _words() -> list[tuple[str, str]]:
    """Return pairs of what a form takes, and a word for it, some of them in the active language."""
    yes, no = gettext("Yes"), gettext("No")
    return [
        *(("true", word) for word in ("true", "1", "x", "+", yes)),
        *(("false", word) for word in ("false", "0", "-", no)),
    ]

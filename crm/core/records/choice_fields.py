"""Fields whose values are chosen: a choice of the column, or a related row."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.db.models import Model, Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, pgettext
from rest_framework import serializers

from crm.core.permissions import Principal
from crm.core.records.fields import MAX_VALUE_LENGTH, Field, InvalidValue
from crm.core.records.operators import EMPTY, FILLED, IN, NOT_IN, SET, UNSET, Operator
from crm.core.text.folding import identity_key, search_key

# Rows that a relation offers.
MAX_CHOICES = 500
NOTHING = "–"


def hidden() -> str:
    """Return what stands for a related row that the reader may not see."""
    return pgettext("related entry", "Hidden")


# Of a choice, in the sentence that refuses another value.
_MOST_NAMED = 12


def _select() -> forms.Select:
    # Else a browser puts a chosen value back after Back, and none of those that were typed.
    return forms.Select(attrs={"class": "form-select", "autocomplete": "off"})


@dataclass(frozen=True, kw_only=True)
class ChoiceField(Field):
    """One of the column's choices, or of ``options`` (or what it returns) where it has none."""

    operators = (IN, NOT_IN, EMPTY, FILLED)
    template = "records/cells/choice.html"

    options: Sequence[tuple[str, Any]] | Callable[[], Sequence[tuple[str, Any]]] = ()

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        if not is_body:
            return super().api_field(is_body=False)
        column: Any = self.column
        is_required = not (column.blank or column.has_default())
        # The class is made once, in whatever language is active then.
        return serializers.ChoiceField(
            choices=self._labelled(),
            allow_blank=column.blank,
            required=is_required if self.is_required is None else self.is_required,
        )

    def value_of(self, row: Model) -> str:
        value = getattr(row, self.name)
        return dict(self.choices()).get(value, value)

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        known = dict(self.choices())
        for value in values:
            if value not in known:
                raise InvalidValue(value)
        return list(values)

    def shown(self, operator: Operator, value: str) -> str:
        return dict(self.choices()).get(value, value)

    def choices(self) -> list[tuple[str, str]]:
        return [(key, str(label)) for key, label in self._labelled()]

    def _labelled(self) -> list[tuple[str, Any]]:
        """Return the choices with labels that are put into words where they are shown."""
        options = self.options() if callable(self.options) else self.options
        pairs: Any = options or self.column.choices or ()
        return [(str(key), label) for key, label in pairs if key != ""]

    def choices_for(self, reader: Principal) -> list[tuple[str, str]]:
        return self.choices()

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        choices = self.choices()
        if self.column.blank:
            choices = [("", NOTHING), *choices]
        return forms.ChoiceField(
            **self._form_options(),
            choices=choices,
            widget=_select(),
            error_messages={"invalid_choice": self._refusal()},
        )

    def _refusal(self) -> str:
        """Return the error for another value: %(value)s, which the form fills in, and what goes."""
        labels = [label for _key, label in self.choices()]
        if len(labels) > _MOST_NAMED:
            text = gettext("“%(value)s” is not one of the choices, such as %(choices)s.")
            labels = labels[:3]
        else:
            text = gettext("“%(value)s” is not one of the choices: %(choices)s.")
        allowed = ", ".join(map(str, labels)).replace("%", "%%")
        return text % {"value": "%(value)s", "choices": allowed}


class RelatedIdField(serializers.UUIDField):
    """The id of a related row as the API shows it: None for one that the reader may not see."""

    def __init__(self, relation: "RelationField", **options: Any) -> None:
        self._relation, self._options = relation, options
        super().__init__(**options)

    def get_attribute(self, instance: Any) -> UUID | None:
        related = self._relation.related_of(instance)
        return None if related is None else related.pk

    def __deepcopy__(self, memo: dict[int, Any]) -> "RelatedIdField":
        return type(self)(self._relation, **self._options)


class RelatedTitle(str):
    """The title of a related row; ``url`` is its page, empty without one."""

    url: str = ""

    def __new__(cls, title: str, url: str = "") -> "RelatedTitle":
        made = super().__new__(cls, title)
        made.url = url
        return made


class RelatedChoiceField(forms.TypedChoiceField):
    """A choice of related rows; one beyond those that are offered is looked up."""

    def __init__(self, relation: "RelationField", reader: Principal, **options: Any) -> None:
        self._relation, self._reader = relation, reader
        super().__init__(**options, widget=_select(), empty_value=None, coerce=UUID)

    def prepare_value(self, value: Any) -> Any:
        self._offer(value)
        return super().prepare_value(value)

    def valid_value(self, value: Any) -> bool:
        self._offer(value)
        return super().valid_value(value)

    def _offer(self, value: Any) -> None:
        """Add a row that may be chosen to the choices if it is not among them."""
        if not value or super().valid_value(value):
            return
        with suppress(ValueError):
            found = self._relation.chosen_from(self._reader).filter(pk=UUID(str(value))).first()
            if found is not None:
                added = (str(found.pk), self._relation.title_of(found))
                offered: Any = self.choices
                self.choices = [*offered, added]


@dataclass(frozen=True, kw_only=True)
class RelationField(Field):
    """A foreign key to a row of the organization; ``name`` is its column, e.g. ``category_id``.

    ``title`` is the attribute that names a related row, ``order`` the order of the choices, and
    ``page`` the name of the address of its page. The related rows are those that the reader may
    see: their manager must have ``visible_to``. A row whose related row is hidden says no more than
    that there is one. It cannot be sorted by: the order would show which rows have the same.

    A file that is imported names related rows, by at most ``longest`` characters: by the title, or
    by ``short_title`` where that is of one alone. ``folded`` names
    an indexed column with the title's `search_key`, by which they are looked up; without it, all
    are read. ``add(by=, name=)`` adds one that is not there yet, and ``remove(by=, pk=)`` deletes
    it with the undo of the import, unless it is used.
    """

    operators = (IN, NOT_IN, UNSET, SET)
    template = "records/cells/relation.html"

    api_class = serializers.UUIDField
    title: str = "name"
    short_title: str = ""
    order: tuple[str, ...] = ("name",)
    page: str = ""
    folded: str = ""
    longest: int = MAX_VALUE_LENGTH
    add: Callable[..., Model] | None = None
    remove: Callable[..., None] | None = None

    def __post_init__(self) -> None:
        if self.is_sortable:
            raise ValueError(f"{self.name}: a list cannot be sorted by a relation")

    def _api_options(self) -> dict[str, Any]:
        return {"allow_null": self.column.null}

    @property
    def relation(self) -> str:
        return str(self.column.name)

    def visible_to(self, reader: Principal) -> QuerySet[Any]:
        """Return the related rows that a reader may see."""
        model: Any = self.column.related_model
        found: QuerySet[Any] = model._default_manager.visible_to(reader)
        return found

    def chosen_from(self, by: Principal) -> QuerySet[Any]:
        """Return the related rows that somebody may choose."""
        return self.visible_to(by)

    def prefetch(self, reader: Principal) -> "Prefetch[Any]":
        """Return the look-up that loads the related rows which a reader may see."""
        return Prefetch(self.relation, queryset=self.visible_to(reader))

    def related_of(self, row: Model) -> Any:
        """Return the related row as `Record.visible_to` or `Record.load_relations` loaded it.

        None if there is none, or the reader may not see it. It is never looked up here, where the
        reader is not known.
        """
        return self.column.get_cached_value(row, default=None)  # type: ignore[attr-defined]  # FK

    def is_hidden_in(self, row: Model) -> bool:
        return getattr(row, self.name) is not None and self.related_of(row) is None

    def api_field(self, *, is_body: bool) -> "serializers.Field[Any, Any, Any, Any]":
        if is_body:
            return super().api_field(is_body=True)
        return RelatedIdField(self, read_only=True, allow_null=True)

    def value_of(self, row: Model) -> RelatedTitle:
        if self.is_hidden_in(row):
            return RelatedTitle(hidden())
        title, related = self._title_in(row), self.related_of(row)
        is_linked = related is not None and self.page
        return RelatedTitle(title, reverse(self.page, args=[related.pk]) if is_linked else "")

    def exported(self, row: Model) -> str:
        return self._title_in(row)

    def _title_in(self, row: Model) -> str:
        related = self.related_of(row)
        return "" if related is None else self.title_of(related)

    def title_of(self, related: Model) -> str:
        return str(getattr(related, self.title))

    def initial_of(self, row: Model) -> str:
        related = self.related_of(row)
        return "" if related is None else str(related.pk)

    def parse(self, operator: Operator, values: Sequence[str]) -> list[Any]:
        try:
            return [UUID(value) for value in values]
        except ValueError as error:
            raise InvalidValue(str(error)) from error

    def q(self, operator: Operator, values: Sequence[str], reader: Principal) -> Q:
        parsed = self.parse(operator, values)
        if parsed:
            parsed = list(
                self.visible_to(reader).filter(pk__in=parsed).values_list("pk", flat=True)
            )
        return operator.build(self.name, parsed)

    def look_up(
        self, reader: Principal, names: Collection[str]
    ) -> Callable[[str, Mapping[str, Any]], Sequence[UUID]]:
        """Return a function that finds related rows which the reader may see by one of ``names``,
        in any language, for the values of the row that refers to one. Names are equal but for
        capitals.
        """
        found: dict[str, set[UUID]] = {}
        visible = self.chosen_from(reader)
        if self.folded:
            folded = {self._folded(name) for name in names}
            visible = visible.filter(**{f"{self.folded}__in": folded})
        shorter: dict[str, set[UUID]] = {}
        rows = list(visible)
        for language, _name in settings.LANGUAGES:
            with translation.override(language):
                for row in rows:
                    found.setdefault(identity_key(self.title_of(row)), set()).add(row.pk)
                    if self.short_title:
                        short = identity_key(str(getattr(row, self.short_title)))
                        shorter.setdefault(short, set()).add(row.pk)

        def named(name: str, _values: Mapping[str, Any]) -> Sequence[UUID]:
            key = identity_key(name)
            return list(found.get(key) or shorter.get(key) or ())

        return named

    def _folded(self, name: str) -> str:
        """Return what the folded column holds for a title, which is cut where it is too long."""
        related: Any = self.column.related_model
        return search_key(name)[: related._meta.get_field(self.folded).max_length]

    def cell_field(self, by: Principal) -> forms.Field:
        return forms.CharField(**self._form_options(), max_length=self.longest)

    def shown_values(
        self, operator: Operator, values: Sequence[str], reader: Principal
    ) -> list[str]:
        found = self.visible_to(reader).in_bulk(self.parse(operator, values))
        titles = {str(pk): self.title_of(row) for pk, row in found.items()}
        return [titles.get(str(UUID(value)), hidden()) for value in values]

    def choices_for(self, reader: Principal, **within: Any) -> list[tuple[str, str]]:
        """Return (id, title) of at most MAX_CHOICES rows that the reader may choose, of those with
        the values ``within``.
        """
        rows = self.chosen_from(reader).filter(**within).order_by(*self.order)
        return [(str(row.pk), self.title_of(row)) for row in rows[:MAX_CHOICES]]

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        choices, options = self.choices_for(reader), self._form_options()
        present = None if row is None else self.related_of(row)
        if present is not None and str(present.pk) not in dict(choices):
            choices.append((str(present.pk), self.title_of(present)))
        if row is not None and self.is_hidden_in(row):
            # Left as it is, it counts as unchanged.
            choices.insert(0, ("", hidden()))
            options["required"] = False
        elif self.column.blank:
            choices.insert(0, ("", NOTHING))
        return RelatedChoiceField(self, reader, **options, choices=choices)

"""The declaration of a record, and the registry of records.

An app registers a `Record` for a model in ``AppConfig.ready``. Navigation, lists, pages, forms,
saved views, the API, export, import, search and tests read the registry. The model's default
manager must have ``visible_to(principal)``.
"""

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import get_permission_codename
from django.db.models import Model, Prefetch, QuerySet, prefetch_related_objects
from django.urls import reverse as reverse_url
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from crm.core.errors import AppError, NotFound
from crm.core.permissions import Module, Principal
from crm.core.records.choice_fields import RelationField
from crm.core.records.fields import Field, PhoneField, TextField
from crm.core.records.services import create_row, delete_row, update_row
from crm.core.stored_text import count_text
from crm.core.text.folding import search_key


@dataclass(frozen=True, slots=True)
class BuiltInView:
    """A view of a list that every organization has; ``where`` is the JSON of its filter."""

    key: str
    label: Any
    where: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAction:
    """An action on many rows, carried out row by row by the record's services.

    It stores ``values``, or the value that the user chooses for ``field``, or deletes
    (``is_deletion``).
    """

    key: str
    label: Any
    icon: str
    field: str = ""
    values: Mapping[str, Any] = dataclass_field(default_factory=dict)
    is_deletion: bool = False

    def would_change(self, row: Model) -> bool:
        """Return whether the action changes the row; False if its value is still to be chosen."""
        return self.is_deletion or any(
            getattr(row, name) != value for name, value in self.values.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A board: one column for each choice of ``field``; a card shows the title and ``fields``.

    ``field`` may be a relation; ``group``, a relation of the record and of its related rows, makes
    a board of each group: the stages of a pipeline. ``total`` names a column of numbers or amounts
    that is summed for each column of the board. The model must be a `BoardModel`.

    ``mark(row)`` returns a warning that a card shows, "" for none. ``asks(by)`` returns names of
    fields by the keys of columns: whoever moves a card there is asked for it, and may skip it.
    ``implies(by)`` returns values that all cards of a column have, by its key and their fields: a
    column whose cards a filter lets none through is not counted under it.
    """

    field: str
    group: str = ""
    label: str = ""
    fields: tuple[str, ...] = ()
    total: str = ""
    mark: Callable[[Any], str] = lambda _row: ""
    asks: Callable[[Principal], Mapping[str, str]] = lambda _by: {}
    implies: Callable[[Principal], Mapping[str, Mapping[str, str]]] = lambda _by: {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportKey:
    """What tells an imported row apart: a field, and the fields ``within`` whose values it is
    unique.

    ``identity`` returns what the texts of one value have in common. It keeps accents: Bò is not Bơ.
    ``find(rows, texts)`` returns the rows with one of the values, and perhaps more; by default
    those whose column equals a text. The look-up needs an index.
    """

    field: str
    within: tuple[str, ...] = ()
    identity: Callable[[str], str] = str
    find: Callable[[QuerySet[Any], Collection[str]], QuerySet[Any]] | None = None

    def candidates(self, rows: QuerySet[Any], texts: Collection[str]) -> QuerySet[Any]:
        return self.find(rows, texts) if self.find else rows.filter(**{f"{self.field}__in": texts})

    def text_of(self, values: Mapping[str, Any]) -> str:
        """Return what values of one row have in common; "" without the field's."""
        own = self.identity(str(values.get(self.field) or ""))
        return (
            "\n".join([own, *(str(values.get(name) or "") for name in self.within)]) if own else ""
        )

    def text_of_row(self, row: Model) -> str:
        return self.text_of({name: getattr(row, name) for name in (self.field, *self.within)})


CHANGE_OWNER = BulkAction(
    key="owner", label=gettext_lazy("Change the owner"), icon="user", field="owner_id"
)
DELETE = BulkAction(key="delete", label=gettext_lazy("Delete"), icon="trash", is_deletion=True)


def view_permission(model: type[Model]) -> str:
    """Return the codename of Django's permission for operators to view the rows of a model."""
    options = model._meta
    return f"{options.app_label}.{get_permission_codename('view', options)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The declaration of a record: a model whose rows people list, open, edit and export.

    Names and URLs: ``slug`` identifies it in saved views and, unless ``path`` or ``namespace`` are
    given, in URLs. ``title`` is the attribute that names a row.

    List: ``columns`` are the default columns; the first is the title's and always shown. ``order``
    is the default order, ``-`` for descending. ``details`` are the fields below a title in results.
    ``search(queryset, text)`` returns the rows that contain the words. ``views`` are the built-in
    views, ``board`` an optional board, ``bulk`` the actions on many rows, ``more_pages`` the
    (label, name of the address) of pages beside them.

    Writing: ``form`` names the editable columns. ``create(by=, **values)`` and
    ``update(by=, pk=, version=, **values)`` return the row; ``delete(by=, pk=, version=)`` returns
    the id for `undo`, and without it rows cannot be deleted. All three default to those of
    `crm.core.records.services`. ``initial(by)`` returns the values of a new row's form,
    ``lacks(row)`` the names of columns that the form of a row leaves out (None: a new one).

    Import: possible with ``import_keys``, of which the user chooses one. ``create_many(by=,
    rows=)`` and ``update_many(by=, changes=)`` (values by id) are optional faster services; both
    return a row or an AppError for each. ``delete_many(by=, ids=)`` is one for the undo, and
    returns how many it deleted; ``lock(by)`` takes what the services lock before they lock rows,
    since an import looks its rows up first. ``complete(by=, rows=)`` returns, for each of some
    rows, values for fields that it leaves open. ``table_of(text)`` returns pasted text as a table,
    ``paste_help`` says what may be pasted. ``parts`` are models whose rows are created with a row,
    so that their existence does not keep the undo of an import from deleting it. ``follows`` are
    columns that the services set by others, and that an undo puts back with these. ``quota`` is the
    plan's metric that counts the rows.

    Access: ``area`` is the permission area, ``owners`` the attribute with the ids of a row's
    owners. ``language`` is the attribute with the language of a row's texts. ``has_timeline`` shows
    the row's history and notes on its page. ``is_setting`` puts the list into the settings instead
    of the sidebar, in which ``place`` orders the lists; the first two stand in the bar of a phone,
    the others in its menu. Templates may extend those of the kit.
    """

    slug: str
    model: type[Model]
    area: Module
    icon: str
    fields: tuple[Field, ...]
    columns: tuple[str, ...]
    order: str
    title: str
    search: Callable[[QuerySet[Any], str], QuerySet[Any]]
    form: tuple[str, ...]
    create: Callable[..., Any] = None  # type: ignore[assignment]  # set by `register`
    update: Callable[..., Any] = None  # type: ignore[assignment]  # set by `register`
    delete: Callable[..., UUID | None] | None = None
    initial: Callable[[Principal], Mapping[str, Any]] = lambda _by: {}
    lacks: Callable[[Any], Collection[str]] = lambda _row: ()
    details: tuple[str, ...] = ()
    bulk: tuple[BulkAction, ...] = ()
    import_keys: tuple[ImportKey, ...] = ()
    complete: Callable[..., Sequence[Mapping[str, Any]]] | None = None
    table_of: Callable[[str], str] = str
    paste_help: Any = ""
    create_many: Callable[..., Sequence[Model | AppError]] | None = None
    update_many: Callable[..., Mapping[Any, Model | AppError]] | None = None
    delete_many: Callable[..., int] | None = None
    lock: Callable[[Principal], Any] | None = None
    parts: tuple[type[Model], ...] = ()
    follows: tuple[str, ...] = ()
    quota: str = ""
    new_label: Any
    empty_text: Any
    views: Sequence[BuiltInView] = ()
    owners: str = "owner_ids"
    path: str = ""
    namespace: str = ""
    is_setting: bool = False
    navigation: Any = ""
    place: int = 50
    has_initials: bool = True
    has_timeline: bool = False
    board: Board | None = None
    more_pages: tuple[tuple[Any, str], ...] = ()
    language: str = ""
    not_found: type[NotFound] = NotFound
    list_template: str = "records/list.html"
    page_template: str = "records/record.html"

    @property
    def label(self) -> str:
        return capfirst(str(self.model._meta.verbose_name_plural))

    @property
    def view_permission(self) -> str:
        return view_permission(self.model)

    @property
    def navigation_label(self) -> str:
        return str(self.navigation or self.label)

    @property
    def section(self) -> str:
        """Return the entry of the sidebar under which the pages stand."""
        return "settings" if self.is_setting else self.slug

    @property
    def base_path(self) -> str:
        return self.path or f"app/{self.slug}/"

    @property
    def bulk_actions(self) -> tuple[BulkAction, ...]:
        return (*self.bulk, DELETE) if self.delete else self.bulk

    def bulk_action(self, key: str) -> BulkAction:
        """Return the action of this key. Raise KeyError."""
        return {each.key: each for each in self.bulk_actions}[key]

    def field(self, name: str) -> Field | None:
        return next((each for each in self.fields if each.name == name), None)

    def import_key(self, name: str) -> ImportKey | None:
        return next((each for each in self.import_keys if each.field == name), None)

    def visible_to(self, reader: Principal) -> QuerySet[Any]:
        """Return the rows that a reader may see, with the related rows that they may see."""
        manager: Any = self.model._default_manager
        found: QuerySet[Any] = manager.visible_to(reader)
        return found.prefetch_related(*self._prefetches(reader))

    def load_relations(self, reader: Principal, rows: Sequence[Model]) -> None:
        """Load the related rows that a reader may see, of rows that did not come from
        `visible_to`.
        """
        for row in rows:
            for each in self.relations:
                row._state.fields_cache.pop(each.relation, None)
        prefetch_related_objects(rows, *self._prefetches(reader))

    @property
    def relations(self) -> list[RelationField]:
        return [each for each in self.fields if isinstance(each, RelationField)]

    def _prefetches(self, reader: Principal) -> "list[Prefetch[Any]]":
        return [each.prefetch(reader) for each in self.relations]

    def title_of(self, row: Model) -> str:
        return str(getattr(row, self.title))

    def detail_of(self, row: Model) -> str:
        """Return the values of ``details``, else the first other text column, which tells rows of
        the same title apart.
        """
        if self.details:
            named = [each for name in self.details if (each := self.field(name))]
            return " · ".join(text for each in named if (text := str(each.value_of(row) or "")))
        title = self.title_of(row)
        fields = (self.field(name) for name in self.columns)
        texts = (
            str(getattr(row, field.name))
            for field in fields
            if isinstance(field, TextField | PhoneField)
        )
        return next((text for text in texts if text not in {"", title}), "")

    def owner_ids_of(self, row: Model) -> Collection[UUID | None]:
        found: Collection[UUID | None] = getattr(row, self.owners)
        return found

    def form_values_of(self, row: Model) -> dict[str, Any]:
        return {name: field.initial_of(row) for name in self.form if (field := self.field(name))}

    def reverse(self, name: str, *args: Any) -> str:
        return reverse_url(f"{self.namespace or self.slug}:{name}", args=args)

    @property
    def list_url(self) -> str:
        return self.reverse("list")

    @property
    def board_url(self) -> str:
        return self.reverse("board")

    @property
    def new_url(self) -> str:
        return self.reverse("new")

    def url_of(self, row: Model) -> str:
        return self.url_of_id(row.pk)

    def url_of_id(self, pk: UUID) -> str:
        return self.reverse("page", pk)

    def edit_url_of(self, row: Model) -> str:
        return self.reverse("edit", row.pk)

    def access_url_of(self, row: Model) -> str:
        return self.reverse("access", row.pk)


def prefix_search(column: str) -> Callable[[QuerySet[Any], str], QuerySet[Any]]:
    """Return a search for the beginning of a column that holds folded text in collation "C"."""

    def search(found: QuerySet[Any], text: str) -> QuerySet[Any]:
        start = search_key(text)
        return found.filter(**{f"{column}__gte": start, f"{column}__lt": f"{start}{_LAST_LETTER}"})

    return search


_LAST_LETTER = chr(sys.maxunicode)
_records: dict[str, Record] = {}


def register(record: Record) -> Record:
    """Register a record; return it with its fields bound to the model's columns."""
    bound = replace(
        record, fields=tuple(replace(each, model=record.model) for each in record.fields)
    )
    if record.create is None:
        bound = replace(
            bound,
            create=partial(create_row, record.model, record.slug),
            update=partial(update_row, record.model, record.slug),
            delete=partial(delete_row, record.model),
        )
    for model in (record.model, *record.parts):
        count_text(model)
    _records[record.slug] = bound
    return bound


def get_record(slug: str) -> Record:
    """Return a registered record. Raise KeyError."""
    return _records[slug]


def find_record(slug: str) -> Record | None:
    return _records.get(slug)


def records() -> list[Record]:
    """Return all records in the order of the navigation, those of the settings last."""
    return sorted(_records.values(), key=lambda each: (each.is_setting, each.place))

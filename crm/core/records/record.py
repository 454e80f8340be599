"""Records: what an app declares of a model, so that lists, pages, forms and views come with it.

An app registers a `Record` in its ``ready``; navigation, pages, saved views and tests read the
registry. The model's manager has ``visible_to(principal)``.
"""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import get_permission_codename
from django.db.models import Model, QuerySet
from django.urls import reverse as reverse_url
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

from crm.core.errors import AppError, NotFound
from crm.core.permissions import Module, Principal
from crm.core.records.fields import Field, RelationField
from crm.core.records.services import create_row, delete_row, update_row
from crm.core.text.normalization import search_key


@dataclass(frozen=True, slots=True)
class BuiltInView:
    """A view of a list that every organization has; ``where`` is the JSON of its filter."""

    key: str
    label: Any
    where: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAction:
    """What is done to many rows at once, to each by the record's own services.

    It stores ``values``, or the value that is chosen for the ``field``, or deletes.
    """

    key: str
    label: Any
    icon: str
    field: str = ""
    values: Mapping[str, Any] = dataclass_field(default_factory=dict)
    is_deletion: bool = False

    def would_change(self, row: Model) -> bool:
        """Return whether the row's page offers the action: its form has the fields."""
        return self.is_deletion or any(
            getattr(row, name) != value for name, value in self.values.items()
        )


DELETE = BulkAction(key="delete", label=gettext_lazy("Delete"), icon="trash", is_deletion=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The declaration of a record.

    ``slug`` is its name in saved views, and that of its addresses, ``path`` and ``namespace``, if
    these are not given. ``area`` is the permission area. ``title`` is the attribute that names a
    row. ``columns`` are shown unless others are chosen; the first is that of the title, and always
    shown. ``order`` is the default order, ``-`` for descending. ``search(queryset, text)`` finds
    words. ``form`` names the columns that people edit,
    by ``create(by=, **values)`` and ``update(by=, pk=, version=, **values)``; ``initial(by)``
    returns the values of a new row. ``delete(by=, pk=, version=)`` returns the id for `undo`;
    without it rows are not deleted. A record that declares none of these three has those of
    `crm.core.records.services`. ``bulk`` are actions on many rows. A record with ``import_keys``,
    fields that tell rows apart, can be imported; then ``create_many(by=, rows=)`` and
    ``update_many(by=, changes=)``, values by id, may store many at once and return a row or a
    refusal for each, and ``parts`` are models whose rows are written with a row and are no use of
    it; ``quota`` is the metric of the plan that counts them. ``owners`` is the attribute with the
    ids of the users to whom a row belongs, ``language`` the one with the language in which a row
    is written. A template may extend the kit's own.
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
    bulk: tuple[BulkAction, ...] = ()
    import_keys: tuple[str, ...] = ()
    create_many: Callable[..., Sequence[Model | AppError]] | None = None
    update_many: Callable[..., Mapping[Any, Model | AppError]] | None = None
    parts: tuple[type[Model], ...] = ()
    quota: str = ""
    new_label: Any
    empty_text: Any
    views: Sequence[BuiltInView] = ()
    owners: str = "owner_ids"
    path: str = ""
    namespace: str = ""
    navigation: Any = ""
    has_initials: bool = True
    language: str = ""
    not_found: type[NotFound] = NotFound
    list_template: str = "records/list.html"
    page_template: str = "records/record.html"

    @property
    def label(self) -> str:
        return capfirst(str(self.model._meta.verbose_name_plural))

    @property
    def view_permission(self) -> str:
        """Return the permission (of Django's) by which operators view the rows."""
        options = self.model._meta
        return f"{options.app_label}.{get_permission_codename('view', options)}"

    @property
    def navigation_label(self) -> str:
        return str(self.navigation or self.label)

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

    def visible_to(self, reader: Principal) -> QuerySet[Any]:
        manager: Any = self.model._default_manager
        found: QuerySet[Any] = manager.visible_to(reader)
        relations = [each.relation for each in self.fields if isinstance(each, RelationField)]
        return found.select_related(*relations) if relations else found

    def title_of(self, row: Model) -> str:
        return str(getattr(row, self.title))

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
            create=partial(create_row, record.model),
            update=partial(update_row, record.model),
            delete=partial(delete_row, record.model),
        )
    _records[record.slug] = bound
    return bound


def get_record(slug: str) -> Record:
    """Return a registered record. Raise KeyError."""
    return _records[slug]


def find_record(slug: str) -> Record | None:
    return _records.get(slug)


def records() -> Iterator[Record]:
    yield from _records.values()

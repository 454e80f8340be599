"""Companies as a record of the kit."""

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.permissions import Module
from crm.core.records import (
    CHANGE_OWNER,
    BuiltInView,
    DomainField,
    EmailField,
    ImportKey,
    MomentField,
    OwnerField,
    PhoneField,
    ProseField,
    Record,
    RecordField,
    TextField,
)
from crm.core.text.folding import identity_key, search_key
from crm.customers.errors import CompanyNotFound
from crm.customers.managers import NamedLikeQuerySet
from crm.customers.models import Company, CompanyWord
from crm.customers.services import (
    create_company,
    delete_company,
    lock_companies,
    update_company,
)


def _search(found: QuerySet[Any], text: str) -> QuerySet[Any]:
    assert isinstance(found, NamedLikeQuerySet)  # noqa: S101  the manager of the model
    return found.named_like(text)


def _called(rows: QuerySet[Any], names: Collection[str]) -> QuerySet[Any]:
    return rows.filter(sort_name__in={search_key(name)[:255] for name in names})


COMPANIES = Record(
    slug="companies",
    place=30,
    model=Company,
    area=Module.CUSTOMERS,
    icon="building",
    fields=(
        TextField(
            name="name",
            is_sortable=True,
            sort_column="sort_name",
            folded="sort_name",
            also_called=("company", "account", "организация", "tổ chức"),
        ),
        DomainField(name="domain"),
        EmailField(name="email"),
        PhoneField(name="phone"),
        TextField(name="tax_code", also_called=("vat", "tin", "mst")),
        ProseField(name="address"),
        RecordField(
            name="parent_id",
            record="companies",
            folded="sort_name",
            page="companies:page",
            also_called=("parent", "holding"),
        ),
        OwnerField(),
        MomentField(name="created_at", label=_("created"), is_sortable=True),
        MomentField(name="updated_at", label=_("changed"), is_sortable=True),
    ),
    columns=("name", "domain", "phone", "parent_id", "owner_id", "created_at"),
    order="name",
    title="name",
    search=_search,
    form=(
        "name",
        "domain",
        "email",
        "phone",
        "tax_code",
        "address",
        "parent_id",
        "owner_id",
    ),
    create=create_company,
    update=update_company,
    delete=delete_company,
    import_keys=(
        ImportKey(field="domain"),
        ImportKey(field="name", identity=identity_key, find=_called),
    ),
    lock=lock_companies,
    parts=(CompanyWord,),
    bulk=(CHANGE_OWNER,),
    has_timeline=True,
    new_label=_("New company"),
    empty_text=_("Companies are where your customers work. Add the first one, or import a list."),
    not_found=CompanyNotFound,
    views=(
        BuiltInView("all", pgettext_lazy("list view", "All"), {"all": []}),
        BuiltInView(
            "mine",
            pgettext_lazy("list view", "Mine"),
            {"all": [{"field": "owner_id", "op": "in", "value": ["me"]}]},
        ),
        BuiltInView(
            "unowned",
            pgettext_lazy("list view", "Without owner"),
            {"all": [{"field": "owner_id", "op": "empty"}]},
        ),
    ),
)

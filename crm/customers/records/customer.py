"""Customers as a record of the kit."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.permissions import Module
from crm.core.records import (
    BuiltInView,
    BulkAction,
    ChoiceField,
    EmailField,
    ImportKey,
    MomentField,
    PhoneField,
    Record,
    RecordField,
    TextField,
)
from crm.customers.errors import CustomerNotFound
from crm.customers.managers import CustomerQuerySet
from crm.customers.models import Customer, CustomerWord
from crm.customers.services import (
    add_company,
    create_customer,
    create_customers,
    remove_unused_company,
    update_customer,
    update_customers,
)


def _update(*, pk: UUID, **values: Any) -> Customer:
    return update_customer(customer_id=pk, **values)


def _search(found: QuerySet[Any], text: str) -> QuerySet[Any]:
    assert isinstance(found, CustomerQuerySet)  # noqa: S101  the manager of the model
    return found.named_like(text)


CUSTOMERS = Record(
    slug="customers",
    place=10,
    model=Customer,
    area=Module.CUSTOMERS,
    icon="users",
    fields=(
        TextField(
            name="name",
            is_sortable=True,
            sort_column="sort_name",
            folded="sort_name",
            also_called=("full name", "contact", "фио", "контакт", "họ tên", "họ và tên"),
        ),
        EmailField(name="email"),
        PhoneField(name="phone"),
        RecordField(
            name="company_id",
            record="companies",
            folded="sort_name",
            page="companies:page",
            add=add_company,
            remove=remove_unused_company,
            also_called=("company", "employer", "organization", "фирма", "nơi làm việc"),
        ),
        TextField(name="job_title", also_called=("title", "position", "job", "позиция", "vị trí")),
        ChoiceField(name="stage"),
        ChoiceField(name="language_code"),
        MomentField(name="created_at", label=_("created"), is_sortable=True),
        MomentField(name="updated_at", label=_("changed"), is_sortable=True),
    ),
    columns=("name", "email", "phone", "company_id", "stage", "created_at"),
    order="-created_at",
    title="display_name",
    search=_search,
    form=("name", "email", "phone", "company_id", "job_title", "language_code"),
    create=create_customer,
    create_many=create_customers,
    update_many=update_customers,
    import_keys=(ImportKey(field="email"),),
    parts=(CustomerWord,),
    quota="contacts",
    update=_update,
    bulk=(
        BulkAction(key="stage", label=_("Change the stage"), icon="user", field="stage"),
        BulkAction(
            key="language", label=_("Change the language"), icon="language", field="language_code"
        ),
    ),
    has_timeline=True,
    new_label=_("New customer"),
    empty_text=_("Visitors who write in the chat come here by themselves. Or add the first one."),
    not_found=CustomerNotFound,
    views=(
        BuiltInView("all", pgettext_lazy("list view", "All"), {"all": []}),
        BuiltInView(
            "contacts",
            _("Customers"),
            {"all": [{"field": "stage", "op": "in", "value": ["customer"]}]},
        ),
        BuiltInView(
            "visitors",
            _("Visitors"),
            {"all": [{"field": "stage", "op": "in", "value": ["visitor"]}]},
        ),
    ),
)

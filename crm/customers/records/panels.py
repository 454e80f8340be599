"""The people and the subsidiaries on the page of a company."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.permissions import Principal
from crm.core.records import Panel, register_panel
from crm.core.records.panels import related_rows
from crm.customers.models import Company, Customer
from crm.customers.records.company import COMPANIES
from crm.customers.records.customer import CUSTOMERS


def people_of(reader: Principal, company: Company) -> Mapping[str, Any]:
    """Return the newest customers of the company that the reader may see."""
    people = Customer.objects.visible_to(reader).filter(company=company)
    return related_rows(
        reader, CUSTOMERS, people.order_by("-created_at", "-pk"), {"company_id": company.pk}
    )


def subsidiaries_of(reader: Principal, company: Company) -> Mapping[str, Any]:
    """Return the first subsidiaries of the company that the reader may see, by name."""
    companies: Any = Company.objects
    found = companies.visible_to(reader).filter(parent=company)
    return related_rows(
        reader, COMPANIES, found.order_by("sort_name", "pk"), {"parent_id": company.pk}
    )


register_panel(
    Panel(
        slug="companies",
        key="people",
        label=pgettext_lazy("of a company", "People"),
        template="customers/_people.html",
        context=people_of,
        rank=10,
    )
)
register_panel(
    Panel(
        slug="companies",
        key="subsidiaries",
        label=_("Subsidiaries"),
        template="customers/_subsidiaries.html",
        context=subsidiaries_of,
        rank=20,
    )
)

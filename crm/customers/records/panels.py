"""The people and the subsidiaries on the page of a company."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm.core.permissions import WRITE, Principal
from crm.core.records import Panel, Record, register_panel
from crm.core.records.lists import count_capped
from crm.customers.models import Company, Customer
from crm.customers.records.company import COMPANIES
from crm.customers.records.customer import CUSTOMERS

SHOWN = 10


def people_of(reader: Principal, company: Company) -> Mapping[str, Any]:
    """Return the newest customers of the company that the reader may see."""
    people = Customer.objects.visible_to(reader).filter(company=company)
    return _related(reader, CUSTOMERS, people.order_by("-created_at", "-pk"), company_id=company.pk)


def subsidiaries_of(reader: Principal, company: Company) -> Mapping[str, Any]:
    """Return the first subsidiaries of the company that the reader may see, by name."""
    companies: Any = Company.objects
    found = companies.visible_to(reader).filter(parent=company)
    return _related(reader, COMPANIES, found.order_by("sort_name", "pk"), parent_id=company.pk)


def _related(
    reader: Principal, record: Record, rows: QuerySet[Any], **refers: Any
) -> Mapping[str, Any]:
    """Return rows that refer to the company, and where all are and one more is added.

    ``refers`` is the column with the company's id.
    """
    ((column, pk),) = refers.items()
    first = list(rows[: SHOWN + 1])
    return {
        "rows": [(row, record.url_of(row)) for row in first[:SHOWN]],
        "total": count_capped(rows) if len(first) > SHOWN else None,
        "list_url": f"{record.list_url}?{urlencode({f'{column}__in': pk})}",
        "new_url": f"{record.new_url}?{urlencode({column: pk})}"
        if reader.may(record.area, WRITE)
        else "",
    }


register_panel(
    Panel(
        slug="companies",
        key="people",
        label=_("People"),
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

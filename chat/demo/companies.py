"""The demo's companies, and who of the demo's customers works for them."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from chat.demo.content import read
from crm.core.permissions import Principal, SystemPrincipal
from crm.customers.models import Company, Customer
from crm.customers.services import create_company, update_customer
from crm.organizations.models import Membership, Organization, User

_COLUMNS = ("name", "domain", "email", "phone", "tax_code", "address")


@transaction.atomic
def load_companies(organization: Organization, file: str, people: Mapping[str, User]) -> int:
    """Create the companies of a file unless the organization has any. Return how many were."""
    if Company.objects.filter(organization=organization).exists():
        return 0
    installation = SystemPrincipal(organization.pk)
    made: dict[str, UUID] = {}
    for wanted in read(file):
        # Created by its owner, who need not be notified of it.
        maker = _member(organization, people, wanted["owner"]) if "owner" in wanted else None
        company = create_company(
            by=maker or installation,
            parent_id=made.get(wanted.get("parent", "")),
            **{name: wanted[name] for name in _COLUMNS},
        )
        made[wanted["key"]] = company.pk
        for person in wanted["people"]:
            _link(installation, company, person)
    return len(made)


def _member(organization: Organization, people: Mapping[str, User], key: str) -> Principal:
    return Membership.objects.get(organization=organization, user=people[key])


def _link(by: Principal, company: Company, person: Mapping[str, str]) -> None:
    """Set the company of the customer with an address; one that has another keeps it."""
    customer = Customer.objects.filter(
        organization_id=by.organization_id, email=person["email"], company__isnull=True
    ).first()
    if customer is not None:
        update_customer(
            customer_id=customer.pk, by=by, company_id=company.pk, job_title=person["job_title"]
        )

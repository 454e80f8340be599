"""The verbs of customers: the only writers."""

from typing import Any
from uuid import UUID

from django.db import transaction

from crm.customers.errors import CustomerNotFound
from crm.customers.models import Customer, Stage


@transaction.atomic
def create_customer(
    *,
    organization_id: UUID,
    name: str = "",
    email: str = "",
    phone: str = "",
    language_code: str = "",
    stage: str = Stage.CUSTOMER,
) -> Customer:
    return Customer.objects.create(
        organization_id=organization_id,
        name=name,
        email=email,
        phone=phone,
        language_code=language_code,
        stage=stage,
    )


@transaction.atomic
def update_customer(*, organization_id: UUID, customer_id: UUID, **changes: Any) -> Customer:
    """Change name, email, phone, language_code or stage; what is not named stays.

    Raises CustomerNotFound.
    """
    customer = (
        Customer.objects.select_for_update()
        .filter(organization_id=organization_id, pk=customer_id)
        .first()
    )
    if customer is None:
        raise CustomerNotFound
    for field, value in changes.items():
        setattr(customer, field, value)
    customer.save(update_fields=[*changes, "updated_at"])
    return customer

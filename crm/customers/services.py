"""The verbs of customers: the only writers."""

from typing import Any
from uuid import UUID

from django.db import transaction

from config import quotas
from config.versions import check_version
from crm.accounts.permissions import WRITE, Area, Principal, require, require_record
from crm.customers.errors import CustomerNotFound
from crm.customers.models import Customer, Stage


@transaction.atomic
def create_customer(
    *,
    by: Principal,
    name: str = "",
    email: str = "",
    phone: str = "",
    language_code: str = "",
    stage: str = Stage.CUSTOMER,
) -> Customer:
    """Add a customer to the organization of whoever asks. Raises Forbidden and QuotaExceeded."""
    require(by, Area.CUSTOMERS, WRITE)
    if stage == Stage.CUSTOMER:
        quotas.require_room("contacts", organization_id=by.organization_id)
    return Customer.objects.create(
        organization_id=by.organization_id,
        name=name,
        email=email,
        phone=phone,
        language_code=language_code,
        stage=stage,
    )


@transaction.atomic
def update_customer(
    *, customer_id: UUID, by: Principal, version: int | None = None, **changes: Any
) -> Customer:
    """Change name, email, phone, language_code or stage; what is not named stays.

    ``version`` is that of the customer which was looked at. Raises CustomerNotFound where the
    customer is out of sight, Forbidden where out of reach, EditedMeanwhile.
    """
    visible = Customer.objects.visible_to(by).filter(pk=customer_id)
    customer = Customer.objects.select_for_update().filter(pk__in=visible.values("pk")).first()
    if customer is None:
        raise CustomerNotFound
    require_record(by, Area.CUSTOMERS, WRITE, owner_ids=customer.owner_ids)
    check_version(customer, version)
    if customer.stage == Stage.VISITOR and changes.get("stage") == Stage.CUSTOMER:
        quotas.require_room("contacts", organization_id=by.organization_id)
    for field, value in changes.items():
        setattr(customer, field, value)
    customer.save(update_fields=[*changes, "updated_at"])
    return customer

"""Services of customers: the only writers."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from crm.core import quotas
from crm.core.errors import InvalidField
from crm.core.permissions import WRITE, Module, Principal, require, require_record
from crm.core.versions import check_version
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
    """Add a customer to the principal's organization.

    Raise Forbidden, QuotaExceeded, and InvalidField where a visitor has a name, an address or a
    phone number.
    """
    require(by, Module.CUSTOMERS, WRITE)
    customer = Customer(
        organization_id=by.organization_id,
        name=name,
        email=email,
        phone=phone,
        language_code=language_code,
        stage=stage,
    )
    _check(customer)
    if customer.stage == Stage.CUSTOMER:
        quotas.check_quota("contacts", organization_id=by.organization_id)
    customer.save(force_insert=True)
    return customer


@transaction.atomic
def update_customer(
    *, customer_id: UUID, by: Principal, version: int | None = None, **changes: Any
) -> Customer:
    """Change name, email, phone, language_code or stage; others are unchanged.

    A visitor who gets a name, an address or a phone number becomes a customer. ``version`` is the
    version that the edit was made from. Raise CustomerNotFound for an invisible customer, Forbidden
    without permission, EditedMeanwhile, QuotaExceeded, and InvalidField where a contact is called a
    visitor.
    """
    visible = Customer.objects.visible_to(by).filter(pk=customer_id)
    customer = Customer.objects.select_for_update().filter(pk__in=visible.values("pk")).first()
    if customer is None:
        raise CustomerNotFound
    require_record(by, Module.CUSTOMERS, WRITE, owner_ids=customer.owner_ids)
    check_version(customer, version)
    was_visitor = customer.stage == Stage.VISITOR
    for field, value in changes.items():
        setattr(customer, field, value)
    if "stage" not in changes and customer.is_contact:
        customer.stage = Stage.CUSTOMER
    _check(customer)
    if was_visitor and customer.stage == Stage.CUSTOMER:
        quotas.check_quota("contacts", organization_id=by.organization_id)
    customer.save(update_fields=sorted({*changes, "stage", "updated_at"}))
    return customer


def _check(customer: Customer) -> None:
    """Raise InvalidField for what `Customer.clean` refuses."""
    try:
        customer.clean()
    except ValidationError as refusal:
        raise InvalidField(refusal.messages[0], extra=refusal.params) from refusal

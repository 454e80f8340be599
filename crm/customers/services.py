"""Services of customers: the only writers."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from crm.core import quotas
from crm.core.errors import AppError, InvalidField
from crm.core.permissions import WRITE, Level, Module, Principal, require, require_record
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
def create_customers(
    *, by: Principal, rows: Sequence[Mapping[str, Any]]
) -> list[Customer | InvalidField]:
    """Add customers at once; return for each a customer or why there is none.

    Raise Forbidden, and QuotaExceeded where there is not room for all of them.
    """
    require(by, Module.CUSTOMERS, WRITE)
    made: list[Customer | InvalidField] = []
    for values in rows:
        customer = Customer(
            organization_id=by.organization_id, **{"stage": Stage.CUSTOMER, **values}
        )
        try:
            _check(customer)
        except InvalidField as refusal:
            made.append(refusal)
        else:
            made.append(customer)
    new = [each for each in made if isinstance(each, Customer)]
    contacts = sum(each.stage == Stage.CUSTOMER for each in new)
    if contacts:
        quotas.check_quota("contacts", organization_id=by.organization_id, amount=contacts)
    Customer.objects.bulk_create(new)
    return made


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
    if _change(customer, changes):
        quotas.check_quota("contacts", organization_id=by.organization_id)
    customer.save(update_fields=sorted({*changes, "stage", "updated_at"}))
    return customer


@transaction.atomic
def update_customers(
    *, by: Principal, changes: Mapping[UUID, Mapping[str, Any]]
) -> dict[UUID, Customer | AppError]:
    """Change customers at once, by id; return for each the customer or why it was not changed.

    Raise Forbidden without the permission for all customers, and QuotaExceeded where there is not
    room for all who become contacts.
    """
    require(by, Module.CUSTOMERS, WRITE, Level.ALL)
    visible = Customer.objects.visible_to(by).filter(pk__in=changes)
    locked = Customer.objects.select_for_update().filter(pk__in=visible.values("pk"))
    found = {customer.pk: customer for customer in locked.order_by("pk")}
    made: dict[UUID, Customer | AppError] = {}
    contacts = 0
    for pk, values in changes.items():
        customer = found.get(pk)
        try:
            if customer is None:
                raise CustomerNotFound
            contacts += _change(customer, values)
        except AppError as refusal:
            made[pk] = refusal
        else:
            made[pk] = customer
    if contacts:
        quotas.check_quota("contacts", organization_id=by.organization_id, amount=contacts)
    changed = [each for each in made.values() if isinstance(each, Customer)]
    names = {name for values in changes.values() for name in values}
    Customer.objects.bulk_save(changed, {*names, "stage"})
    return made


def _change(customer: Customer, changes: Mapping[str, Any]) -> bool:
    """Set values, not saved yet. Return whether a visitor becomes a contact. Raise InvalidField."""
    was_visitor = customer.stage == Stage.VISITOR
    for field, value in changes.items():
        setattr(customer, field, value)
    if "stage" not in changes and customer.is_contact:
        customer.stage = Stage.CUSTOMER
    _check(customer)
    return was_visitor and customer.stage == Stage.CUSTOMER


def _check(customer: Customer) -> None:
    """Raise InvalidField for what `Customer.clean` refuses."""
    try:
        customer.clean()
    except ValidationError as refusal:
        raise InvalidField(refusal.messages[0], extra=refusal.params) from refusal

"""Services of customers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from crm.core import quotas
from crm.core.errors import AppError, InvalidField
from crm.core.permissions import WRITE, Level, Module, Principal, require, require_record
from crm.core.records.services import require_related
from crm.core.stored_text import require_room, require_room_for, typed_bytes
from crm.core.versions import check_version
from crm.customers.errors import CustomerNotFound
from crm.customers.models import Company, Customer, Stage


@transaction.atomic
def create_customer(
    *,
    by: Principal,
    name: str = "",
    email: str = "",
    phone: str = "",
    company_id: UUID | None = None,
    job_title: str = "",
    language_code: str = "",
    stage: str = Stage.CUSTOMER,
) -> Customer:
    """Add a customer to the principal's organization, who sees them from the level ``own`` on.

    Raise Forbidden, QuotaExceeded, and InvalidField where a visitor has a name, an address or a
    phone number, and for a company that the principal does not see.
    """
    require(by, Module.CUSTOMERS, WRITE)
    _require_company(by, company_id)
    customer = Customer(
        organization_id=by.organization_id,
        created_by_id=by.user_id,
        name=name,
        email=email,
        phone=phone,
        company_id=company_id,
        job_title=job_title,
        language_code=language_code,
        stage=stage,
    )
    _check(customer)
    if customer.stage == Stage.CUSTOMER:
        quotas.check_quota("contacts", organization_id=by.organization_id)
    customer.save(force_insert=True)
    require_room(by.organization_id)
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
    hidden = _hidden_companies(by, rows)
    for values in rows:
        if values.get("company_id") in hidden:
            made.append(InvalidField(extra={"field": "company_id"}))
            continue
        customer = Customer(
            organization_id=by.organization_id,
            created_by_id=by.user_id,
            **{"stage": Stage.CUSTOMER, **values},
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
    if new:
        require_room(by.organization_id)
    return made


@transaction.atomic
def update_customer(
    *, customer_id: UUID, by: Principal, version: int | None = None, **changes: Any
) -> Customer:
    """Change name, email, phone, company_id, job_title, language_code or stage; others are
    unchanged.

    A visitor who gets a name, an address or a phone number becomes a customer. ``version`` is the
    version that the edit was made from. Raise CustomerNotFound for an invisible customer, Forbidden
    without permission, EditedMeanwhile, QuotaExceeded, and InvalidField where a contact is called a
    visitor, or for a company that the principal does not see.
    """
    visible = Customer.objects.visible_to(by).filter(pk=customer_id)
    customer = Customer.objects.select_for_update().filter(pk__in=visible.values("pk")).first()
    if customer is None:
        raise CustomerNotFound
    require_record(by, Module.CUSTOMERS, WRITE, owner_ids=customer.owner_ids)
    check_version(customer, version)
    if changes.get("company_id") != customer.company_id:
        _require_company(by, changes.get("company_id"))
    before = typed_bytes(customer)
    if _change(customer, changes):
        quotas.check_quota("contacts", organization_id=by.organization_id)
    customer.save(update_fields=sorted({*changes, "stage", "updated_at"}))
    require_room_for(customer, before)
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
    contacts = before = after = 0
    hidden = _hidden_companies(by, changes.values())
    for pk, values in changes.items():
        customer = found.get(pk)
        try:
            if customer is None:
                raise CustomerNotFound
            if values.get("company_id") in hidden:
                raise InvalidField(extra={"field": "company_id"})
            size = typed_bytes(customer)
            contacts += _change(customer, values)
        except AppError as refusal:
            made[pk] = refusal
        else:
            made[pk] = customer
            before, after = before + size, after + typed_bytes(customer)
    if contacts:
        quotas.check_quota("contacts", organization_id=by.organization_id, amount=contacts)
    changed = [each for each in made.values() if isinstance(each, Customer)]
    names = {name for values in changes.values() for name in values}
    Customer.objects.bulk_save(changed, {*names, "stage"})
    if after > before:
        require_room(by.organization_id)
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


def _require_company(by: Principal, company_id: UUID | None) -> None:
    """Raise InvalidField for a company that the principal does not see."""
    if company_id is not None:
        require_related(Customer._meta.get_field("company"), by, company_id)


def _hidden_companies(by: Principal, rows: Iterable[Mapping[str, Any]]) -> set[UUID | None]:
    """Return the ids of companies that rows name and the principal does not see."""
    named = {values["company_id"] for values in rows if values.get("company_id") is not None}
    seen = Company.objects.visible_to(by).filter(pk__in=named) if named else Company.objects.none()
    return named - set(seen.values_list("pk", flat=True))


def _check(customer: Customer) -> None:
    """Raise InvalidField for what `Customer.clean` refuses."""
    try:
        customer.clean()
    except ValidationError as refusal:
        raise InvalidField(refusal.messages[0], extra=refusal.params) from refusal

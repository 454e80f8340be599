"""The operator's admin locks in the order of the services, so that nobody ends in a deadlock."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib import admin
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse

from crm.core import tenancy
from crm.organizations.models import Membership
from knowledge.models import Faq, FaqCategory
from knowledge.services import create_category, lock_knowledge, rename_category, update_faq
from tests.forms.browsers import form_of
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def faq(owner: Membership) -> Faq:
    return Faq.objects.create(
        organization=owner.organization,
        key="k",
        question="Old?",
        answer="!",
        language_code="en",
    )


def alone(work: Callable[[], Any]) -> Any:
    """Do something in a thread with connections of its own."""
    try:
        with tenancy.all_tenants("A test."):
            return work()
    finally:
        connections.close_all()


def rows(of: str, owner: Membership, faq: Faq) -> tuple[Any, str, Callable[[], Any]]:
    """Return a row, the field of its form, and what the application does to the row."""
    if of == "faq":
        content = {"answer": "Theirs."}
        return faq, "question", lambda: update_faq(by=owner, faq_id=faq.pk, content=content)
    category = create_category(by=owner, name="Old")
    named: dict[str, Any] = {"by": owner, "category_id": category.pk}
    return category, "slug", lambda: rename_category(**named, name="Theirs")


def address_of(row: Faq | FaqCategory) -> str:
    return reverse(f"admin:knowledge_{row._meta.model_name}_change", args=[row.pk])


@pytest.mark.parametrize("of", ["faq", "category"])
def test_the_admin_waits_for_the_knowledge_before_it_locks_a_row(
    operator: Client, owner: Membership, faq: Faq, of: str
) -> None:
    """Somebody has locked the knowledge and comes to the row, while the form is sent."""
    row, field, _act = rows(of, owner, faq)
    form = {**form_of(operator.get(address_of(row)), field), field: "new-value"}
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock_knowledge(owner.organization_id)
            sent = pool.submit(alone, lambda: operator.post(address_of(row), form))
            with pytest.raises(TimeoutError):
                sent.result(timeout=0.7)
            # The row is still free for who holds the knowledge.
            assert type(row).objects.select_for_update(nowait=True).get(pk=row.pk) == row
        assert sent.result(PATIENCE).status_code == 302
    row.refresh_from_db()
    assert getattr(row, field) == "new-value"


@pytest.mark.parametrize("of", ["faq", "category"])
def test_the_application_waits_while_the_admin_stores(
    operator: Client, owner: Membership, faq: Faq, of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, field, act = rows(of, owner, faq)
    form = {**form_of(operator.get(address_of(row)), field), field: "new-value"}
    is_locked, may_go_on = threading.Event(), threading.Event()
    console: Any = admin.site._registry[type(row)]
    before = console.save_model

    def save(*arguments: Any) -> None:
        is_locked.set()
        assert may_go_on.wait(PATIENCE)
        before(*arguments)

    monkeypatch.setattr(console, "save_model", save)
    with ThreadPoolExecutor(2) as pool:
        sent = pool.submit(alone, lambda: operator.post(address_of(row), form))
        assert is_locked.wait(PATIENCE)
        acting = pool.submit(alone, act)
        with pytest.raises(TimeoutError):
            acting.result(timeout=0.3)
        may_go_on.set()
        assert sent.result(PATIENCE).status_code == 302
        acting.result(PATIENCE)
    row.refresh_from_db()
    assert getattr(row, field) == "new-value"

"""Fixtures of imports: small batches, a browser of the owner, a customer who is there."""

import pytest
from django.test import Client

from crm.core.transfer import import_jobs
from crm.customers.models import Customer
from crm.organizations.models import Membership


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_jobs, "BATCH", 2)


@pytest.fixture
def browser(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


@pytest.fixture
def present(owner: Membership) -> Customer:
    return Customer.objects.create(
        organization=owner.organization, name="Bob", email="bo@shop.example", stage="customer"
    )

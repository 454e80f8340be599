"""Fixtures of the operator's admin."""

import pytest
from django.test import Client

from crm.accounts.models import (
    User,
)
from tests.conftest import PASSWORD


@pytest.fixture
def root(db: None, stores_clean: None) -> User:
    return User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")


@pytest.fixture
def operator(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client

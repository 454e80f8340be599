"""A browser of the owner, and each record that there is."""

import pytest
from django.test import Client

from crm.core.records import Record, get_record
from crm.organizations.models import Membership
from tests.records.battery import ALL


@pytest.fixture(params=ALL)
def record(request: pytest.FixtureRequest) -> Record:
    return get_record(request.param)


@pytest.fixture
def browser(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client

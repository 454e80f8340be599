"""A browser of the owner, somebody who may only read, and each record that there is."""

import pytest
from django.test import Client

from crm.core.permissions import Grant, Level, Module, Rights
from crm.core.records import Record, get_record
from crm.organizations.models import Membership, Organization
from tests.organizations.people import member_with
from tests.records.battery import ALL


@pytest.fixture(params=ALL)
def record(
    request: pytest.FixtureRequest, organization: Organization, stranger_organization: Organization
) -> Record:
    """Return each record in turn; no organization has rows of it yet."""
    record = get_record(request.param)
    if record.slug == "lost-reasons":
        # Those that each organization begins with.
        record.model._default_manager.all().delete()
    return record


@pytest.fixture
def browser(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


@pytest.fixture
def viewer(organization: Organization) -> Membership:
    """Return a member who may read every area, the settings too, and change none."""
    return member_with(
        organization, "Vera", Rights({area: Grant(read=Level.ALL) for area in Module})
    )

"""The pipeline of an organization, and deals in its stages."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from crm.deals.models import Deal, Pipeline, Stage
from crm.deals.services import create_deal
from crm.organizations.models import Membership


@pytest.fixture
def pipeline(owner: Membership) -> Pipeline:
    return Pipeline.objects.get(organization_id=owner.organization_id)


@pytest.fixture
def stages(pipeline: Pipeline) -> dict[str, Stage]:
    return {each.name: each for each in Stage.objects.filter(pipeline=pipeline)}


@pytest.fixture
def browser(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def deal_in(by: Membership, stage: Stage, name: str = "Beans", **values: Any) -> Deal:
    return create_deal(by=by, name=name, stage_id=stage.pk, **{"amount": Decimal(100), **values})

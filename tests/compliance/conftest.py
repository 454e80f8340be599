"""Chains that begin with the organization alone, whose entries tests count."""

from collections.abc import Iterator

import pytest
from django.db.models.signals import post_save

from crm.deals.receivers import add_pipeline
from crm.organizations.models import Organization

UID = "deals.default_pipeline"


@pytest.fixture(autouse=True)
def _no_pipeline_to_begin_with() -> Iterator[None]:
    assert post_save.disconnect(sender=Organization, dispatch_uid=UID)
    yield
    post_save.connect(add_pipeline, sender=Organization, dispatch_uid=UID)

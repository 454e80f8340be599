"""One person in two organizations, and a FAQ in the first."""

import pytest

from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Membership, Organization, Role
from knowledge.models import Faq
from knowledge.services import FaqContent, create_faq


@pytest.fixture
def elsewhere(owner: Membership, stranger_organization: Organization) -> Membership:
    return Membership.objects.create(
        organization=stranger_organization, user=owner.user, role=Role.OWNER
    )


@pytest.fixture
def faq(organization: Organization) -> Faq:
    return create_faq(
        by=SystemPrincipal(organization.pk),
        content=FaqContent(
            question="Do you ship?",
            answer="Yes.\nWithin a week.",
            language_code="en",
            key="shipping",
            phrasings=("shipping",),
        ),
    )

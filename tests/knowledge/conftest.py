"""A little knowledge: three things in up to three languages."""

import pytest

from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Organization
from knowledge.models import Faq
from knowledge.services import FaqContent, import_faqs, index_now

TEXTS = {
    "delivery": {
        "en": ("How much is shipping to Russia?", "Shipping to Russia is RUB 790."),
        "vi": ("Giao hàng sang Nga phí bao nhiêu?", "Phí giao hàng sang Nga là 790 RUB."),
        "ru": ("Сколько стоит доставка в Россию?", "Доставка в Россию стоит 790 рублей."),
    },
    "opening-hours": {
        "en": ("What are your opening hours?", "We are open from 7:00 to 22:00."),
        "ru": ("В какие часы вы работаете?", "Мы открыты с 7:00 до 22:00."),
    },
    "water": {
        "en": ("What water temperature should I brew with?", "92 to 96 degrees."),
    },
}


def contents() -> list[FaqContent]:
    return [
        FaqContent(question=question, answer=answer, language_code=language, key=key)
        for key, versions in TEXTS.items()
        for language, (question, answer) in versions.items()
    ]


@pytest.fixture
def knowledge(organization: Organization) -> Organization:
    """The organization, with its FAQs indexed."""
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    index_now(organization_id=organization.pk)
    return organization


@pytest.fixture
def faq(knowledge: Organization) -> Faq:
    return Faq.objects.get(organization=knowledge, key="delivery", language_code="en")

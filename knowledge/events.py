"""How changes are told after commit."""

from uuid import UUID

from django.db import transaction

from knowledge.models import Faq
from knowledge.signals import faqs_changed


def faqs_changed_on_commit(organization_id: UUID) -> None:
    """Tell that the index has something to follow.

    Robust: a broker that is away must not fail a change that is stored; the sweeper finds it.
    """
    transaction.on_commit(
        lambda: faqs_changed.send(sender=Faq, organization_id=organization_id), robust=True
    )

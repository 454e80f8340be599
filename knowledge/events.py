"""Publication of changes after the commit."""

from uuid import UUID

from django.db import transaction

from knowledge.models import Faq
from knowledge.signals import faqs_changed


def faqs_changed_on_commit(organization_id: UUID) -> None:
    """Send ``faqs_changed`` after the commit, so that the index is updated.

    Robust: an unavailable broker does not fail a stored change; the sweeper finds it.
    """
    transaction.on_commit(
        lambda: faqs_changed.send(sender=Faq, organization_id=organization_id), robust=True
    )

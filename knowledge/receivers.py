"""Signal receivers; each only queues a task with ids."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from knowledge.signals import faqs_changed
from knowledge.tasks import index_changed_faqs


@receiver(faqs_changed, dispatch_uid="knowledge.start_indexing")
def start_indexing(*, organization_id: UUID, **kwargs: Any) -> None:
    index_changed_faqs.delay(str(organization_id))

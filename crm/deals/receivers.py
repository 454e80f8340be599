"""What follows from what other apps do."""

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from crm.core import tenancy
from crm.deals.services import create_default_pipeline
from crm.organizations.models import Organization


@receiver(post_save, sender=Organization, dispatch_uid="deals.default_pipeline")
def add_pipeline(*, instance: Organization, created: bool, raw: bool, **_: Any) -> None:
    """Give each new organization a pipeline to begin with."""
    if created and not raw:
        with tenancy.organization(instance.pk):
            create_default_pipeline(
                organization_id=instance.pk, language_code=instance.language_code
            )

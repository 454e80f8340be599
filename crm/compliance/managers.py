"""What is asked of the audit."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models

from crm.accounts.permissions import WRITE, Area, Principal

if TYPE_CHECKING:
    from crm.compliance.models import AuditEntry


class AuditEntryQuerySet(models.QuerySet[Any]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def visible_to(self, principal: Principal) -> Self:
        """Give the organization's entries to those who administer it, and nobody else any."""
        if not principal.may(Area.SETTINGS, WRITE):
            return self.none()
        return self.of(principal.organization_id)

    def by_actor(self, actor_id: str) -> Self:
        return self.filter(actor_id=actor_id)

    def about(self, object_type: str, object_id: str = "") -> Self:
        about = self.filter(object_type=object_type)
        return about.filter(object_id=object_id) if object_id else about

    def since(self, moment: datetime) -> Self:
        return self.filter(at__gte=moment)

    def before(self, moment: datetime) -> Self:
        return self.filter(at__lt=moment)

    def oldest_first(self) -> Self:
        return self.order_by("at")

    def newest_first(self) -> Self:
        return self.order_by("-at", "-id")


class AuditValuesQuerySet(models.QuerySet[Any]):
    def beside(self, entries: Iterable["AuditEntry"]) -> dict[tuple[UUID, datetime], Any]:
        """Give the values of some entries by organization and time."""
        wanted = list(entries)
        found = self.filter(
            organization_id__in={entry.organization_id for entry in wanted},
            at__in=[entry.at for entry in wanted],
        )
        return {(values.organization_id, values.at): values for values in found}


class LegalHoldQuerySet(models.QuerySet[Any]):
    def visible_to(self, principal: Principal) -> Self:
        if not principal.may(Area.SETTINGS, WRITE):
            return self.none()
        return self.filter(organization_id=principal.organization_id)

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def active(self) -> Self:
        return self.filter(lifted_at__isnull=True)

    def lifted(self) -> Self:
        return self.filter(lifted_at__isnull=False)

    def on(self, organization_id: UUID, subject: str = "") -> Self:
        """Give the active holds that keep this subject: its own, and its organization's."""
        return self.active().filter(organization_id=organization_id, subject__in=["", subject])


class AuditExportQuerySet(models.QuerySet[Any]):
    def visible_to(self, principal: Principal) -> Self:
        if not principal.may(Area.SETTINGS, WRITE):
            return self.none()
        return self.filter(organization_id=principal.organization_id)

    def unfinished(self) -> Self:
        return self.filter(state__in=["waiting", "running"])

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

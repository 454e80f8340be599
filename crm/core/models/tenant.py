"""Bases of models whose rows belong to an organization."""

from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import pgettext_lazy

from crm.core.ids import uuid7
from crm.core.permissions import Module, Principal, accessible_q
from crm.core.versions import VersionedModel, set_null_and_raise_version


class TenantQuerySet(models.QuerySet[Any]):
    def visible_to(self, principal: Principal) -> Self:
        """Return the rows of the organization that the principal may read."""
        found = self.filter(self.model.readable_q(principal))
        return found.select_related(*self.model.named_with) if self.model.named_with else found


class TenantModel(VersionedModel):
    """A row of an organization, read by those with any read permission on its ``area``.

    Being a subclass, it has the policy of row-level security.
    """

    area: ClassVar[Module]
    # Relations that a row is named with: they are loaded with each.
    named_with: ClassVar[tuple[str, ...]] = ()
    # The largest number of rows of an organization; None where the plan alone limits them.
    max_rows: ClassVar[int | None] = None

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[Any] = TenantQuerySet.as_manager()

    organization_id: UUID

    class Meta:
        abstract = True

    @classmethod
    def readable_q(cls, principal: Principal) -> models.Q:
        """Return the filter of the rows that the principal may read."""
        if not principal.may(cls.area):
            return models.Q(pk__in=())
        return models.Q(organization_id=principal.organization_id)

    @property
    def owner_ids(self) -> tuple[UUID | None, ...]:
        """Return the ids of the users to whom the row belongs; empty for everybody's."""
        return ()


class OwnedModel(TenantModel):
    """A row that belongs to a user, or to nobody; the permission's level counts.

    Its table needs an index on (organization, owner, id): whoever sees their own rows alone, and
    the filter by owners, read it.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=pgettext_lazy("record", "owner"),
    )

    owner_id: UUID | None

    class Meta:
        abstract = True

    @classmethod
    def readable_q(cls, principal: Principal) -> models.Q:
        return accessible_q(principal, cls.area, owner="owner")

    @property
    def owner_ids(self) -> tuple[UUID | None, ...]:
        return (self.owner_id,)

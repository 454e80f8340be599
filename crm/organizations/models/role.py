"""Built-in and custom roles."""

from typing import Self
from uuid import UUID

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.permissions import Rights
from crm.core.text.fields import LineField
from crm.core.versions import VersionedModel
from crm.organizations.models.organization import Organization


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Administrator")
    SUPERVISOR = "supervisor", _("Supervisor")
    AGENT = "agent", _("Agent")
    VIEWER = "viewer", _("Viewer")


class CustomRoleQuerySet(models.QuerySet["CustomRole"]):
    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def by_name(self) -> Self:
        return self.order_by("name", "id")


class CustomRole(VersionedModel):
    """A copy of a built-in role that an organization edited.

    ``grants`` is ``{area: {read: level, write: level}}``, read by `Rights.load`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="custom_roles"
    )
    name = LineField(_("name"), max_length=60)
    base = models.CharField(_("copied from"), max_length=20, choices=Role)
    grants = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CustomRoleQuerySet.as_manager()

    organization_id: UUID

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="one_role_per_name"),
            # An owner is an owner: what that role may do is not for anybody to narrow or copy.
            models.CheckConstraint(
                condition=~models.Q(base="owner"), name="no_role_is_copied_from_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def rights(self) -> Rights:
        return Rights.load(self.grants)

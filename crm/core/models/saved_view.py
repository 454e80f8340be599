"""Saved views of lists: filter, order and columns under a name."""

from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.permissions import Principal
from crm.core.text.fields import LineField
from crm.core.versions import VersionedModel

NAME_LENGTH = 60


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, principal: Principal) -> Self:
        """Return the views of this user, and those shared in the organization."""
        inside = self.filter(organization_id=principal.organization_id)
        if principal.user_id is None:
            return inside.filter(is_shared=True)
        return inside.filter(models.Q(is_shared=True) | models.Q(owner_id=principal.user_id))

    def of_record(self, slug: str) -> Self:
        return self.filter(record=slug)

    def oldest_first(self) -> Self:
        return self.order_by("pk")


class SavedView(VersionedModel):
    """A view of one record's list; ``state`` is the JSON of `ListState.stored`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views"
    )
    record = models.CharField(_("record"), max_length=40)
    name = LineField(_("name"), max_length=NAME_LENGTH)
    is_shared = models.BooleanField(_("shared"), default=False)
    state = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SavedViewQuerySet.as_manager()

    organization_id: UUID
    owner_id: UUID

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                "organization", "record", "owner", Lower("name"), name="one_saved_view_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name


class DefaultView(models.Model):
    """The view that a user's list of a record opens with; ``view`` is the key of a view."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    record = models.CharField(max_length=40)
    view = models.CharField(max_length=40)

    class Meta:
        verbose_name = _("default view")
        verbose_name_plural = _("default views")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["organization", "user", "record"], name="one_default_view_per_list"
            )
        ]

    def __str__(self) -> str:
        return f"{self.record} · {self.view}"

"""The organizations (tenants) of the installation."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.money import DEFAULT_CURRENCY, CurrencyField
from crm.core.text.fields import KeyField, LineField
from crm.core.timezones import TimeZoneField
from crm.core.versions import VersionedModel
from crm.organizations.models.user import Language, User


class Organization(VersionedModel):
    """A tenant of the installation; its data is isolated from all others."""

    organization_lookups: ClassVar[tuple[str, ...]] = ("slug",)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = LineField(_("name"), max_length=255)
    slug = KeyField(_("short name"), max_length=63, unique=True)
    language_code = models.CharField(
        _("language"), max_length=10, choices=Language, default=Language.ENGLISH
    )
    timezone = TimeZoneField(_("time zone"), max_length=50, default="UTC")
    # In which totals are shown, and new deals begin.
    currency = CurrencyField(_("currency"), default=DEFAULT_CURRENCY)
    is_active = models.BooleanField(_("active"), default=True)
    requires_second_factor = models.BooleanField(_("asks for a second factor"), default=False)
    # Whatever granted access before this moment is void; None: nothing is.
    access_from = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    members = models.ManyToManyField(User, through="Membership", related_name="organizations")

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")

    def __str__(self) -> str:
        return self.name

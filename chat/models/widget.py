"""Widgets, visitor tokens and identity secrets."""

import secrets
from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from chat.domains import InvalidDomains, normalize_domains
from chat.managers.visits import VisitorTokenQuerySet
from chat.widget_texts import TEXTS_OF_ALL_LANGUAGES, WidgetTextsField, validate_texts
from crm.core.ids import uuid7
from crm.core.text.fields import LineField
from crm.core.versions import VersionedModel
from crm.customers.models import Customer
from crm.organizations.models import Language, Organization

DEFAULT_COLOR = "#8a4b2a"


def new_site_key() -> str:
    return f"nfw_{secrets.token_urlsafe(18)}"


class Widget(VersionedModel):
    """A chat widget that an organization embeds in its site.

    ``allowed_domains`` holds host names (``shop.example`` or ``*.shop.example``, with a port where
    it is not the scheme's default); empty allows no site. ``texts`` holds ``{language: {"greeting":
    …, "title": …}}``. A paused widget is not shown; ``is_active`` is the operator's switch.
    ``last_seen_at`` and ``refused_at`` are the times when the loader was last seen on an allowed
    site and on another one.
    """

    organization_lookups: ClassVar[tuple[str, ...]] = ("site_key",)
    version_ignores: ClassVar[frozenset[str]] = frozenset(
        {"last_seen_at", "last_seen_origin", "refused_at", "refused_origin"}
    )

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="widgets")
    name = LineField(_("name"), max_length=100)
    site_key = models.CharField(max_length=64, unique=True, default=new_site_key, editable=False)
    allowed_domains = ArrayField(
        models.CharField(max_length=255),
        verbose_name=_("allowed domains"),
        default=list,
        blank=True,
    )
    color = models.CharField(
        _("colour"),
        max_length=7,
        default=DEFAULT_COLOR,
        validators=[
            RegexValidator(
                r"^#[0-9A-Fa-f]{6}\Z", _("Choose a colour, as #8a4b2a."), "invalid_color"
            )
        ],
    )
    position = models.CharField(
        pgettext_lazy("screen", "position"),
        max_length=5,
        choices=[("right", _("Right")), ("left", _("Left"))],
        default="right",
    )
    texts = WidgetTextsField(_("texts"), default=dict, blank=True, validators=[validate_texts])
    bot_enabled = models.BooleanField(_("the bot answers first"), default=True)
    is_active = models.BooleanField(_("active"), default=True)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    styled_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_seen_origin = models.CharField(max_length=300, default="", blank=True, editable=False)
    refused_at = models.DateTimeField(null=True, blank=True, editable=False)
    refused_origin = models.CharField(max_length=300, default="", blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    organization_id: UUID

    class Meta:
        verbose_name = _("widget")
        verbose_name_plural = _("widgets")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Normalize the allowed domains. Raise ValidationError."""
        try:
            self.allowed_domains = normalize_domains(self.allowed_domains)
        except InvalidDomains as error:
            raise ValidationError({"allowed_domains": error.errors}) from error

    @property
    def identity_space(self) -> UUID:
        """Return whose ids the secrets of this widget prove: no two widgets share any."""
        return self.pk

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    def text(self, name: str, language: str) -> str:
        """Return the owner's text in the visitor's language; empty means our wording in it.

        Only a name stands for all languages: without one of this language it is the
        organization's, else any.
        """
        others = (self.organization.language_code, *Language.values)
        for code in (language, *(others if name in TEXTS_OF_ALL_LANGUAGES else ())):
            if found := self.texts.get(code, {}).get(name):
                return str(found)
        return ""


class VisitorToken(models.Model):
    """The token by which one browser returns as the same visitor; only its hash is stored.

    ``expires_at`` is extended by use. ``secret`` is the one that verified the visitor's identity;
    the token is revoked with it. It is None for an anonymous visitor.
    """

    organization_lookups: ClassVar[tuple[str, ...]] = ("token_hash",)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    widget = models.ForeignKey(Widget, on_delete=models.CASCADE, related_name="visitor_tokens")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="visitor_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    secret = models.ForeignKey(
        "IdentitySecret", on_delete=models.CASCADE, null=True, related_name="visitor_tokens"
    )

    objects: ClassVar[VisitorTokenQuerySet] = VisitorTokenQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID
    customer_id: UUID
    widget_id: UUID
    secret_id: UUID | None

    class Meta:
        verbose_name = _("visitor token")
        verbose_name_plural = _("visitor tokens")
        indexes = [models.Index(fields=["expires_at"], name="visitor_tokens_by_expiry")]

    def __str__(self) -> str:
        return f"{self.customer_id} · {self.widget_id}"


class SetupGuide(models.Model):
    """Whether an organization dismissed its setup checklist; its progress is read from
    other data.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    dismissed_at = models.DateTimeField(null=True, blank=True)

    organization_id: UUID

    class Meta:
        verbose_name = _("setup checklist")
        verbose_name_plural = _("setup checklists")

    def __str__(self) -> str:
        return str(self.organization_id)

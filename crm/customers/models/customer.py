"""Customers of an organization: people."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Cast, Right
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.ids import uuid7
from crm.core.text.addresses import normalize_email
from crm.core.text.fields import AddressField, LineField, PhoneField
from crm.core.text.normalization import is_blank
from crm.core.versions import VersionedModel, set_null_and_raise_version
from crm.customers.managers import CustomerQuerySet
from crm.customers.models.company import Company
from crm.customers.models.words import SearchedModel, SearchWord
from crm.customers.search import SHORT_ID_LENGTH, searched_words
from crm.organizations.models import Language, Organization

# Of whom one of these is known is a contact, and no mere visitor.
FACTS = ("name", "email", "phone", "external_id")


class Stage(models.TextChoices):
    VISITOR = "visitor", pgettext_lazy("stage", "Visitor")
    CUSTOMER = "customer", _("Customer")


class Customer(SearchedModel, VersionedModel):
    """A customer; a visitor of the site is one without a name."""

    version_ignores: ClassVar[frozenset[str]] = frozenset(
        {"claimed", "proved", "verified_at", "search_text", "sort_name"}
    )

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="customers"
    )
    name = LineField(pgettext_lazy("person", "name"), max_length=255, blank=True)
    email = AddressField(_("email address"), max_length=255, blank=True)
    phone = PhoneField(_("phone"), max_length=50, blank=True)
    language_code = models.CharField(_("language"), max_length=10, choices=Language, blank=True)
    stage = models.CharField(_("stage"), max_length=20, choices=Stage, default=Stage.VISITOR)
    company = models.ForeignKey(
        Company,
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="customers",
        verbose_name=_("company"),
    )
    job_title = LineField(_("job title"), max_length=120, blank=True)
    # Who this is to the organization's own site; written on a signed proof alone.
    external_id = models.CharField(_("id at the site"), max_length=200, blank=True, editable=False)
    # Whose ids these are: "42" of one site is somebody else than "42" of another one.
    identity_space = models.UUIDField(null=True, editable=False)
    verified_at = models.DateTimeField(null=True, editable=False)
    # The facts of the last signed proof: only what the site changed since then is taken anew, so
    # that it does not undo what colleagues wrote.
    proved = models.JSONField(default=dict, editable=False)
    # What a browser says of itself is a claim: never used for access or for merging people.
    claimed = models.JSONField(default=dict, blank=True)
    # The end of the id, by which visitors without a name are called (`display_name`).
    short_id = models.GeneratedField(
        expression=Right(Cast("id", models.TextField()), SHORT_ID_LENGTH),
        output_field=models.CharField(max_length=SHORT_ID_LENGTH),
        db_persist=True,
    )
    # Who added this customer by hand; nobody did where the chat, an API key or a program made it.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=set_null_and_raise_version,
        null=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CustomerQuerySet.as_manager()

    organization_id: UUID
    company_id: UUID | None
    created_by_id: UUID | None

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "identity_space", "external_id"],
                condition=~models.Q(external_id=""),
                name="one_customer_per_external_id",
            ),
            models.CheckConstraint(
                condition=models.Q(external_id="", identity_space__isnull=True)
                | (~models.Q(external_id="") & models.Q(identity_space__isnull=False)),
                name="external_ids_have_a_space",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "-created_at", "-id"], name="customers_newest_first"
            ),
            models.Index(
                fields=["organization", "stage", "-created_at", "-id"], name="customers_of_stage"
            ),
            models.Index(fields=["organization", "updated_at", "id"], name="customers_by_change"),
            models.Index(fields=["organization", "sort_name", "id"], name="customers_by_name"),
            models.Index(
                fields=["organization", "company", "-created_at", "-id"],
                name="customers_of_company",
                condition=models.Q(company__isnull=False),
            ),
            # What a plan's limit is compared with.
            models.Index(
                fields=["organization"],
                name="contacts_of_organization",
                condition=models.Q(stage="customer"),
            ),
            models.Index(
                fields=["organization", "email"],
                name="customers_by_address",
                condition=~models.Q(email=""),
            ),
            models.Index(
                fields=["organization", "short_id"],
                name="visitors_by_short_id",
                condition=models.Q(name="", email="", phone=""),
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    def clean(self) -> None:
        """Raise ValidationError for a visitor with contact data, whom the plan's contacts would not
        count, and for a customer without any, whom nobody could tell from others.

        It is about the whole row; ``params["field"]`` is the field to correct.
        """
        super().clean()
        if self.stage == Stage.CUSTOMER and not self.is_contact:
            raise ValidationError(
                _("Fill in a name, an email address or a phone number."), params={"field": "name"}
            )
        if self.stage == Stage.VISITOR and self.is_contact:
            raise ValidationError(
                _(
                    "Who has a name, an email address or a phone number is a customer, not a "
                    "visitor."
                ),
                params={"field": "stage"},
            )

    def searched_words(self) -> list[str]:
        return searched_words(name=self.name, email=normalize_email(self.email), phone=self.phone)

    def sorted_by(self) -> str:
        return self.name or self.email or self.phone

    def is_identified_as(self, *, space: UUID, external_id: str) -> bool:
        """Return whether a site proved this customer under this id of this identity space."""
        return (self.identity_space, self.external_id) == (space, external_id)

    @property
    def owner_ids(self) -> list[UUID | None]:
        """Return the assignees of the customer's conversations, None for unassigned ones, and who
        added the customer; None alone where there is neither.
        """
        talks: Any = self.conversations
        found: list[UUID | None] = list(talks.values_list("assignee", flat=True).distinct())
        if self.created_by_id is not None:
            found.append(self.created_by_id)
        return found or [None]

    @property
    def is_contact(self) -> bool:
        return not all(is_blank(getattr(self, fact)) for fact in FACTS)

    @property
    def display_name(self) -> str:
        """Return the name shown in lists, else an identifier that distinguishes visitors."""
        known = self.name or self.email or self.phone
        return known or f"{_('Visitor')} {self.id.hex[-SHORT_ID_LENGTH:].upper()}"

    @staticmethod
    def shown_name(name: str, customer_id: str) -> str:
        """Return a stored ``display_name``; for a visitor without a name, in the active language.

        `customerName` in `static/chat/inbox/names.js` does the same in the browser.
        """
        end = f" {customer_id[-4:].upper()}"
        return f"{_('Visitor')}{end}" if len(end) == 5 and name.endswith(end) else name


class CustomerWord(SearchWord):
    """A search word of a customer."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="words")

    customer_id: UUID

    class Meta:
        verbose_name = _("search word of a customer")
        verbose_name_plural = _("search words of customers")
        indexes = [
            models.Index(
                fields=["organization", "word", "customer"], name="customers_by_search_word"
            )
        ]

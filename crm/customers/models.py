"""Whom the organization talks to and sells to."""

from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from config.ids import uuid7
from config.versions import VersionedModel
from crm.accounts.models import Organization
from crm.customers.managers import CustomerQuerySet


class Stage(models.TextChoices):
    VISITOR = "visitor", _("Visitor")
    CUSTOMER = "customer", _("Customer")


class Customer(VersionedModel):
    """A person outside; a visitor of the site is a customer-to-be without a name."""

    version_ignores: ClassVar[frozenset[str]] = frozenset({"claimed", "verified_at"})

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="customers"
    )
    name = models.CharField(_("name"), max_length=255, blank=True)
    email = models.EmailField(_("e-mail address"), max_length=255, blank=True)
    phone = models.CharField(_("phone"), max_length=50, blank=True)
    language_code = models.CharField(_("language"), max_length=10, blank=True)
    stage = models.CharField(_("stage"), max_length=20, choices=Stage, default=Stage.VISITOR)
    # Who this is to the organization's own site; written on a signed proof alone.
    external_id = models.CharField(_("id at the site"), max_length=200, blank=True, editable=False)
    verified_at = models.DateTimeField(null=True, editable=False)
    # What a browser says of itself is a claim: never used for access or for merging people.
    claimed = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = CustomerQuerySet.as_manager()

    organization_id: UUID

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=~models.Q(external_id=""),
                name="one_customer_per_external_id",
            )
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at"], name="customers_newest_first"),
            # What a plan's limit is compared with.
            models.Index(
                fields=["organization"],
                name="contacts_of_organization",
                condition=models.Q(stage="customer"),
            ),
            # In upper case, as icontains compares.
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="customers_by_name"),
            GinIndex(OpClass(Upper("email"), name="gin_trgm_ops"), name="customers_by_email"),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def owner_ids(self) -> list[UUID | None]:
        """Give to whom the customer's conversations are assigned; None stands for nobody."""
        assignees = Customer.objects.filter(pk=self.pk).values_list("conversations__assignee")
        return [assignee_id for (assignee_id,) in assignees.distinct()]

    @property
    def display_name(self) -> str:
        """What a list shows: the name, else something that tells two visitors apart."""
        return self.name or self.email or f"{_('Visitor')} {self.id.hex[-4:].upper()}"

"""Companies: whom customers work for."""

from collections.abc import Iterator
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.permissions import Module
from crm.core.text.addresses import normalize_email
from crm.core.text.domains import display_domain
from crm.core.text.fields import AddressField, DomainField, LineField, PhoneField, ProseField
from crm.core.versions import set_null_and_raise_version
from crm.customers.models.words import NAME_LENGTH, OwnedSearchedModel, SearchWord
from crm.customers.search import searched_words

# Of companies, from one without a parent company down.
MAX_LEVELS = 10


class Company(OwnedSearchedModel):
    """A company, perhaps a subsidiary of another one."""

    area = Module.CUSTOMERS
    version_ignores: ClassVar[frozenset[str]] = frozenset({"search_text", "sort_name"})

    name = LineField(pgettext_lazy("company", "name"), max_length=NAME_LENGTH)
    domain = DomainField(_("website"), max_length=255, blank=True)
    email = AddressField(_("email address"), max_length=255, blank=True)
    phone = PhoneField(_("phone"), max_length=50, blank=True)
    tax_code = LineField(_("tax code"), max_length=20, blank=True)
    address = ProseField(pgettext_lazy("company", "address"), max_length=500, blank=True)
    parent = models.ForeignKey(
        "self",
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="subsidiaries",
        verbose_name=_("parent company"),
    )

    parent_id: UUID | None

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        indexes = [
            models.Index(fields=["organization", "sort_name", "id"], name="companies_by_name"),
            models.Index(fields=["organization", "created_at", "id"], name="companies_by_creation"),
            models.Index(fields=["organization", "updated_at", "id"], name="companies_by_change"),
            models.Index(fields=["organization", "owner", "id"], name="companies_of_owner"),
            models.Index(
                fields=["organization", "domain"],
                name="companies_by_domain",
                condition=~models.Q(domain=""),
            ),
            models.Index(
                fields=["organization", "parent", "sort_name", "id"],
                name="companies_of_parent",
                condition=models.Q(parent__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def searched_words(self) -> list[str]:
        sites = dict.fromkeys([self.domain, self.shown_domain])
        return searched_words(
            name=" ".join([self.name, self.tax_code, *sites]),
            email=normalize_email(self.email),
            phone=self.phone,
        )

    def sorted_by(self) -> str:
        return self.name

    @property
    def shown_domain(self) -> str:
        """Return the host name of the site in its own script."""
        return display_domain(self.domain)

    def ancestor_ids(self) -> Iterator[UUID]:
        """Yield the ids of the parent company, its parent company, and so on: without end in a
        cycle.
        """
        companies: Any = Company.objects
        parent_id = self.parent_id
        while parent_id is not None:
            yield parent_id
            rows = companies.filter(pk=parent_id)
            parent_id = rows.values_list("parent_id", flat=True).first()

    def levels_below(self) -> int:
        """Return the number of levels of subsidiaries, MAX_LEVELS where there are more."""
        level, parents = 0, {self.pk}
        while level < MAX_LEVELS:
            companies: Any = Company.objects
            rows = companies.filter(organization_id=self.organization_id, parent_id__in=parents)
            parents = set(rows.values_list("pk", flat=True))
            if not parents:
                break
            level += 1
        return level


class CompanyWord(SearchWord):
    """A search word of a company."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="words")

    company_id: UUID

    class Meta:
        verbose_name = _("search word of a company")
        verbose_name_plural = _("search words of companies")
        indexes = [
            models.Index(
                fields=["organization", "word", "company"], name="companies_by_search_word"
            )
        ]

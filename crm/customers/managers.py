"""How customers are looked up."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models

from crm.accounts.permissions import Area, Level, Principal, reach

if TYPE_CHECKING:
    from crm.customers.models import Customer


class CustomerQuerySet(models.QuerySet["Customer"]):
    def visible_to(self, principal: Principal) -> "CustomerQuerySet":
        """Give the customers within reach: theirs who has one of their conversations."""
        if principal.level(Area.CUSTOMERS) == Level.ALL:
            return self.of(principal.organization_id)
        # A customer has many conversations: the joined rows are kept out of the outer query.
        within = reach(principal, Area.CUSTOMERS, owner="conversations__assignee")
        return self.filter(pk__in=self.model.objects.filter(within).values("pk"))

    def contacts(self) -> "CustomerQuerySet":
        """Leave out those of whom no more is known than that they were on the site."""
        return self.filter(stage="customer")

    def count_contacts(self, organization_id: UUID) -> int:
        return self.of(organization_id).contacts().count()

    def of(self, organization_id: UUID) -> "CustomerQuerySet":
        return self.filter(organization_id=organization_id)

    def named_like(self, text: str) -> "CustomerQuerySet":
        """Find people whose name or e-mail address holds this text, in any case of letters."""
        return self.filter(models.Q(name__icontains=text) | models.Q(email__icontains=text))

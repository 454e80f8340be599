"""How customers are looked up."""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from crm.accounts.models import Membership
    from crm.customers.models import Customer


class CustomerQuerySet(models.QuerySet["Customer"]):
    def visible_to(self, membership: "Membership") -> "CustomerQuerySet":
        return self.filter(organization_id=membership.organization_id)

    def named_like(self, text: str) -> "CustomerQuerySet":
        """Find people whose name or e-mail address holds this text, in any case of letters."""
        return self.filter(models.Q(name__icontains=text) | models.Q(email__icontains=text))

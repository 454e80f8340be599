"""Querysets of customers."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.db import models, transaction
from django.utils import timezone

from crm.core.permissions import Level, Module, Principal, accessible_q
from crm.customers.search import asked_ranges, asked_visitor

if TYPE_CHECKING:
    from crm.customers.models import Customer


class CustomerQuerySet(models.QuerySet["Customer"]):
    def visible_to(self, principal: Principal) -> "CustomerQuerySet":
        """Return the customers that the principal can access; the owners are their assignees."""
        if principal.level(Module.CUSTOMERS) == Level.ALL:
            return self.of(principal.organization_id)
        # A customer has many conversations: the joined rows are kept out of the outer query.
        within = accessible_q(principal, Module.CUSTOMERS, owner="conversations__assignee")
        return self.filter(pk__in=self.model.objects.filter(within).values("pk"))

    def contacts(self) -> "CustomerQuerySet":
        """Return the customers beyond anonymous visitors."""
        return self.filter(stage="customer")

    def count_contacts(self, organization_id: UUID) -> int:
        return self.of(organization_id).contacts().count()

    def of(self, organization_id: UUID) -> "CustomerQuerySet":
        return self.filter(organization_id=organization_id)

    def named_like(self, text: str) -> "CustomerQuerySet":
        """Return the customers with, for each word of the text, a word that starts with it.

        Words of names, email addresses and phone numbers are searched, without case, accents
        and punctuation; a visitor without a name by the short id. Row-level security determines the
        organization in the index.
        """
        asked = asked_ranges(text)
        if not asked:
            return self.none()
        found = self
        for wanted in asked:
            found = found.filter(pk__in=self._words().filter(wanted).values("customer_id"))
        if short_id := asked_visitor(text):
            # Each half by its own index, which a condition with OR would not enter.
            called = self.filter(name="", email="", phone="", short_id=short_id).order_by()
            return self.filter(pk__in=found.order_by().values("pk").union(called.values("pk")))
        return found

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        """Insert customers together with their search words."""
        customers = list(objs)
        words = [(each, each.take_new_words() or []) for each in customers]
        with transaction.atomic(using=self.db):
            created = super().bulk_create(customers, *args, **kwargs)
            self._words().bulk_create(
                [word for each, theirs in words for word in each.words_from(theirs)]
            )
        return created

    def bulk_save(self, customers: Sequence[Any], fields: Collection[str]) -> None:
        """Store these fields of locked customers together with their search words."""
        words = {each.pk: each.take_new_words() for each in customers}
        for each in customers:
            each.version += 1
            each.updated_at = timezone.now()
        derived = {"search_text", "sort_name", "version", "updated_at"}
        with transaction.atomic(using=self.db):
            self.bulk_update(customers, sorted({*fields, *derived}))
            renamed = [each for each in customers if words[each.pk] is not None]
            self._words().filter(customer__in=renamed).delete()
            self._words().bulk_create(
                [word for each in renamed for word in each.words_from(words[each.pk] or [])]
            )

    def _words(self) -> models.QuerySet[Any]:
        return apps.get_model("customers", "CustomerWord").objects.all()

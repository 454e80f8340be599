"""Querysets of customers and companies."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from crm.core.models import TenantQuerySet
from crm.core.permissions import Level, Module, Principal, accessible_owner_ids
from crm.customers.search import asked_ranges, asked_visitor

if TYPE_CHECKING:
    pass


class SearchedQuerySet(models.QuerySet[Any]):
    """Rows of a `SearchedModel`."""

    def with_words_like(self, text: str) -> Self | None:
        """Return the rows with, for each word of the text, a word that starts with it; None for a
        text that asks for nothing.

        Without case, accents and punctuation. Row-level security determines the organization in the
        index.
        """
        asked = asked_ranges(text)
        if not asked:
            return None
        found = self
        for wanted in asked:
            ids = self._words().filter(wanted).values(f"{self.model.words_key()}_id")
            found = found.filter(pk__in=ids)
        return found

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        """Insert rows together with their search words."""
        rows = list(objs)
        words = [(each, each.take_new_words() or []) for each in rows]
        with transaction.atomic(using=self.db):
            created = super().bulk_create(rows, *args, **kwargs)
            self._words().bulk_create(
                [word for each, theirs in words for word in each.words_from(theirs)]
            )
        return created

    def bulk_save(self, rows: Sequence[Any], fields: Collection[str]) -> None:
        """Store these fields of locked rows together with their search words."""
        words = {each.pk: each.take_new_words() for each in rows}
        for each in rows:
            each.version += 1
            each.updated_at = timezone.now()
        derived = {"search_text", "sort_name", "version", "updated_at"}
        with transaction.atomic(using=self.db):
            self.bulk_update(rows, sorted({*fields, *derived}))
            renamed = [each for each in rows if words[each.pk] is not None]
            self._words().filter(**{f"{self.model.words_key()}__in": renamed}).delete()
            self._words().bulk_create(
                [word for each in renamed for word in each.words_from(words[each.pk] or [])]
            )

    def _words(self) -> models.QuerySet[Any]:
        words: models.QuerySet[Any] = self.model.words_model()._default_manager.all()
        return words


class NamedLikeQuerySet(SearchedQuerySet, TenantQuerySet):  # type: ignore[override]  # its manager
    """Rows that are found by their words, by the rule of `TenantModel` about who sees them."""

    def named_like(self, text: str) -> Self:
        """Return the rows with, for each word of the text, a word that starts with it."""
        found = self.with_words_like(text)
        return self.none() if found is None else found


class CustomerQuerySet(SearchedQuerySet):
    def visible_to(self, principal: Principal) -> "CustomerQuerySet":
        """Return the customers that the principal can access.

        The owners are the assignees of their conversations and who added them. Nobody's are those
        with an unassigned conversation, and those without a conversation whom nobody added.
        `Customer.owner_ids` says the same of one row.
        """
        level = principal.level(Module.CUSTOMERS)
        inside = self.of(principal.organization_id)
        if level == Level.ALL:
            return inside
        people = sorted(accessible_owner_ids(principal, Module.CUSTOMERS))
        if level == Level.NONE or not people:
            return self.none()
        # Subqueries: a join would repeat customers, and an outer one take those without a
        # conversation for unassigned ones.
        talks = self._conversations().filter(customer=models.OuterRef("pk"))
        reached = models.Q(assignee__in=people)
        found = models.Q(created_by__in=people)
        if level == Level.TEAM:
            reached |= models.Q(assignee=None)
            found |= models.Q(~models.Exists(talks), created_by=None)
        return inside.filter(found | models.Exists(talks.filter(reached)))

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
        found = self.with_words_like(text)
        if found is None:
            return self.none()
        if short_id := asked_visitor(text):
            # Each half by its own index, which a condition with OR would not enter.
            called = self.filter(name="", email="", phone="", short_id=short_id).order_by()
            return self.filter(pk__in=found.order_by().values("pk").union(called.values("pk")))
        return found

    def _conversations(self) -> models.QuerySet[Any]:
        relation: Any = self.model._meta.get_field("conversations")
        found: models.QuerySet[Any] = relation.related_model.objects.all()
        return found

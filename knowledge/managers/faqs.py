"""Querysets of FAQs and categories."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models
from django.db.models import IntegerField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import StrIndex

from crm.core.permissions import Module, Principal, accessible_q
from crm.core.text.folding import search_key, search_words

if TYPE_CHECKING:
    from knowledge.models import Faq, FaqCategory


class FaqCategoryQuerySet(models.QuerySet["FaqCategory"]):
    def visible_to(self, principal: Principal) -> Self:
        """Return all categories to principals with any read permission on FAQs, else none."""
        found = self.of(principal.organization_id)
        return found if principal.may(Module.KNOWLEDGE) else found.none()

    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def in_order(self) -> Self:
        return self.order_by("position", "name")


class FaqQuerySet(models.QuerySet["Faq"]):
    def visible_to(self, principal: Principal) -> Self:
        return self.within(principal).alive()

    def within(self, principal: Principal) -> Self:
        """Return the FAQs that the principal can access, deleted ones too; the owner is
        the author.
        """
        return self.filter(accessible_q(principal, Module.KNOWLEDGE, owner="created_by"))

    def of(self, organization_id: UUID) -> Self:
        return self.filter(organization_id=organization_id)

    def alive(self) -> Self:
        return self.filter(deleted_at__isnull=True)

    def published(self) -> Self:
        """Return the FAQs that the bot may use."""
        return self.alive().filter(is_published=True)

    def hidden(self) -> Self:
        return self.alive().filter(is_published=False)

    def deleted(self) -> Self:
        return self.filter(deleted_at__isnull=False)

    def with_key(self, key: str) -> Self:
        return self.filter(key=key)

    def in_language(self, language: str) -> Self:
        return self.filter(language_code=language)

    def in_category(self, category: "FaqCategory") -> Self:
        return self.filter(category=category)

    def to_index(self) -> Self:
        """Return the FAQs whose index entry is outdated, deleted ones too: their entry must be
        removed.
        """
        return self.filter(indexed_version__lt=models.F("version"))

    def mentioning(self, text: str) -> Self:
        """Return the FAQs that contain each word of the text, whatever its diacritics and
        punctuation.
        """
        found = self
        for word in search_words(text):
            found = found.filter(folded_text__contains=word)
        return found

    def asked_like(self, questions: Iterable[str]) -> Self:
        """Return the FAQs whose question equals one of these, ignoring case and diacritics."""
        # `folded_text` begins with the question, in a line of its own.
        asked = models.Func(
            "folded_text",
            Value("\n"),
            Value(1),
            function="split_part",
            output_field=models.TextField(),
        )
        return self.alias(asked=asked).filter(asked__in={search_key(each) for each in questions})

    def earliest_mention_first(self, text: str) -> Self:
        """Order by the position of the words: a FAQ's question comes before its answer."""
        total: Combinable = Value(0, output_field=IntegerField())
        for word in search_words(text):
            total = total + StrIndex("folded_text", Value(word))
        return self.order_by(total, "question", "id")

    def newest_change_first(self) -> Self:
        return self.order_by("-updated_at", "-id")

    def changed_before(self, updated_at: datetime, pk: UUID) -> Self:
        """Return the part of a ``newest_change_first`` list after this row."""
        return self.filter(updated_at__lte=updated_at).exclude(updated_at=updated_at, id__gte=pk)

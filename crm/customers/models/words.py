"""Search words of rows, and the folded name by which lists are sorted; written with the row."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models, transaction

from crm.core.ids import uuid7
from crm.core.models import OwnedModel
from crm.core.text.folding import search_key
from crm.customers.managers import NamedLikeQuerySet
from crm.customers.search import WORD_LENGTH
from crm.organizations.models import Organization

NAME_LENGTH = 255


class SearchWord(models.Model):
    """A search word of a row, folded. A subclass has the foreign key, with ``words`` as its
    reverse name.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    # Compared byte by byte: all words with one beginning stand together in the index.
    word = models.CharField(max_length=WORD_LENGTH, db_collation="C")

    organization_id: UUID

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.word


class SearchedModel(models.Model):
    """A row with search words; a subclass says which, and by what it is sorted."""

    # The words of the row; empty where they were never made.
    search_text = models.TextField(default="", editable=False)
    # The folded name, by which lists are sorted; written with the words.
    sort_name = models.CharField(
        max_length=NAME_LENGTH, default="", editable=False, db_collation="C"
    )

    organization_id: UUID

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row together with its search words."""
        is_new = self._state.adding
        words = self.take_new_words()
        if words is None:
            super().save(*args, **kwargs)
            return
        if (fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*fields, "search_text", "sort_name"}
        with transaction.atomic():
            super().save(*args, **kwargs)
            stored: Any = self.words_model()._default_manager
            if not is_new:
                stored.filter(
                    organization_id=self.organization_id, **{self.words_key(): self}
                ).delete()
            stored.bulk_create(self.words_from(words))

    def searched_words(self) -> list[str]:
        raise NotImplementedError

    def sorted_by(self) -> str:
        raise NotImplementedError

    @classmethod
    def words_model(cls) -> type[SearchWord]:
        found: Any = cls._meta.get_field("words").related_model
        model: type[SearchWord] = found
        return model

    @classmethod
    def words_key(cls) -> str:
        """Return the name of the foreign key of the words."""
        relation: Any = cls._meta.get_field("words")
        return str(relation.field.name)

    def take_new_words(self) -> list[str] | None:
        """Return the search words if they or the sorted name differ from the stored ones, and set
        both on the row.
        """
        words = self.searched_words()
        text = " ".join(words)
        # Two names may have the same words: "Zorba, Anna" and "Zorba Anna".
        sort_name = search_key(self.sorted_by())[:NAME_LENGTH]
        if (text, sort_name) == (self.search_text, self.sort_name):
            return None
        self.search_text, self.sort_name = text, sort_name
        return words

    def words_from(self, words: list[str]) -> list[SearchWord]:
        return [
            self.words_model()(
                organization_id=self.organization_id, word=word, **{self.words_key(): self}
            )
            for word in words
        ]


class OwnedSearchedModel(SearchedModel, OwnedModel):
    """A row of an owner that is found by its words."""

    objects: ClassVar[Any] = NamedLikeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        abstract = True

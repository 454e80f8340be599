"""FAQs, their categories, and the passages of the search index."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.core.ids import uuid7
from crm.core.lazy_modules import LazyModule
from crm.core.text.by_language import ByLanguageField, check_text
from crm.core.text.fields import KeyField, LineField, ProseField
from crm.core.text.normalization import normalize_line
from crm.core.versions import VersionedModel, set_null_and_raise_version
from crm.organizations.models import Language, Organization, User
from knowledge.managers import (
    MEANING,
    WORDS,
    FaqCategoryQuerySet,
    FaqQuerySet,
    PassageManager,
    point_id,
)

if TYPE_CHECKING:
    from qdrant_client import models as qdrant
else:
    qdrant = LazyModule("qdrant_client.models")

QUESTION_LENGTH = 500
ANSWER_LENGTH = 5000
MAX_PHRASINGS = 20


class KnowledgeBase(models.Model):
    """The state of an organization's knowledge as a whole.

    ``version`` is incremented by every change that may affect an answer, in the transaction of that
    change, and invalidates everything computed before. The row is also the lock of bulk changes of
    FAQs.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    version = models.BigIntegerField(default=0)

    organization_id: UUID

    class Meta:
        verbose_name = _("knowledge base")
        verbose_name_plural = _("knowledge bases")

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.version}"


# Of a category, in characters.
NAME_LENGTH = 100


class CategoryNamesField(ByLanguageField):
    """Names of a category by language."""

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        if not isinstance(value, dict):
            return value
        return {
            language: normalize_line(name) if isinstance(name, str) else name
            for language, name in value.items()
        }

    def check_member(self, language: str, member: Any) -> None:
        check_text(member, max_length=NAME_LENGTH)


class FaqCategory(VersionedModel):
    """A category of an organization's FAQs, shared by all languages."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="faq_categories"
    )
    name = LineField(_("name"), max_length=NAME_LENGTH)
    names = CategoryNamesField(_("names by language"), default=dict, blank=True)
    slug = KeyField(_("key"), max_length=80)
    position = models.PositiveIntegerField(_("position"), default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = FaqCategoryQuerySet.as_manager()

    organization_id: UUID

    class Meta:
        verbose_name = _("FAQ category")
        verbose_name_plural = _("FAQ categories")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "slug"], name="one_faq_category_per_slug"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def local_name(self) -> str:
        """Return the name in the active language."""
        return self.name_in(get_language() or "")

    def name_in(self, language: str) -> str:
        return str(self.names.get(language) or self.name)


class Faq(VersionedModel):
    """A customer's question with the organization's answer, in one language.

    FAQs that share a ``key`` are translations of each other. ``version`` is incremented by every
    change that the index must follow; the index is current when ``indexed_version`` equals it. A
    deleted FAQ is kept until its index entry is removed and the time to undo is over.
    """

    # Its public page is open to everybody who has the link.
    organization_lookups: ClassVar[tuple[str, ...]] = ("id",)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="faqs")
    category = models.ForeignKey(
        FaqCategory,
        on_delete=set_null_and_raise_version,
        null=True,
        blank=True,
        related_name="faqs",
        verbose_name=_("category"),
    )
    key = KeyField(_("key"), max_length=80)
    language_code = models.CharField(_("language"), max_length=10, choices=Language)
    question = LineField(_("question"), max_length=QUESTION_LENGTH)
    answer = ProseField(_("answer"), max_length=ANSWER_LENGTH)
    phrasings = ArrayField(
        LineField(max_length=QUESTION_LENGTH),
        verbose_name=_("other ways to ask it"),
        default=list,
        blank=True,
    )
    is_published = models.BooleanField(_("published"), default=True)
    # Question, phrasings and answer without marks, for the list's search.
    folded_text = models.TextField(editable=False, default="")

    indexed_version = models.BigIntegerField(default=0, editable=False)
    indexed_at = models.DateTimeField(null=True, blank=True, editable=False)

    created_by = models.ForeignKey(
        User, on_delete=set_null_and_raise_version, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = FaqQuerySet.as_manager()

    organization_id: UUID
    category_id: UUID | None
    created_by_id: UUID | None

    class Meta:
        verbose_name = _("FAQ")
        verbose_name_plural = _("FAQs")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key", "language_code"],
                condition=models.Q(deleted_at__isnull=True),
                name="one_faq_per_key_and_language",
            ),
            models.CheckConstraint(
                condition=models.Q(indexed_version__lte=models.F("version")),
                name="faq_index_is_not_ahead",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "-updated_at", "-id"],
                name="faqs_by_change",
                condition=models.Q(deleted_at__isnull=True),
            ),
            models.Index(
                fields=["organization", "updated_at"],
                name="faqs_to_index",
                condition=models.Q(indexed_version__lt=models.F("version")),
            ),
            models.Index(
                fields=["deleted_at"],
                name="faqs_to_purge",
                condition=models.Q(deleted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.question

    def get_absolute_url(self) -> str:
        return reverse("knowledge:public_faq", args=[self.pk])

    @property
    def owner_ids(self) -> tuple[UUID | None]:
        return (self.created_by_id,)

    @property
    def is_indexed(self) -> bool:
        return self.indexed_version == self.version

    @property
    def is_findable(self) -> bool:
        """Return whether the index should contain the FAQ."""
        return self.is_published and self.deleted_at is None

    def searched_text(self) -> str:
        """Return the text for the keyword search; the questions count twice."""
        asked = "\n".join([self.question, *self.phrasings])
        return f"{asked}\n{asked}\n{self.answer}"


@dataclass(frozen=True, slots=True)
class Passage:
    """An entry of the index: chunk 0 is a FAQ's question, the others are its alternatives."""

    organization_id: UUID
    source_id: UUID
    key: str
    language: str
    version: int
    chunk: int
    meaning: list[float]
    words: tuple[list[int], list[float]] | None = None

    objects: ClassVar[PassageManager] = PassageManager()

    @property
    def id(self) -> UUID:
        return point_id(
            organization_id=self.organization_id,
            source_id=self.source_id,
            version=self.version,
            chunk=self.chunk,
        )

    def to_point(self) -> "qdrant.PointStruct":
        vector: dict[str, Any] = {MEANING: self.meaning}
        if self.words and self.words[0]:
            vector[WORDS] = qdrant.SparseVector(indices=self.words[0], values=self.words[1])
        return qdrant.PointStruct(
            id=str(self.id),
            vector=vector,
            payload={
                "organization": str(self.organization_id),
                "source_type": "faq",
                "source_id": str(self.source_id),
                "key": self.key,
                "language": self.language,
                "version": self.version,
                "chunk": self.chunk,
            },
        )

    @staticmethod
    def first_id(faq: Faq) -> UUID:
        """Return the id of the first passage of this version of the FAQ."""
        return point_id(
            organization_id=faq.organization_id, source_id=faq.pk, version=faq.version, chunk=0
        )

    @staticmethod
    def hit_from(payload: dict[str, Any]) -> "PassageHit":
        return PassageHit(
            source_id=UUID(payload["source_id"]),
            key=str(payload["key"]),
            language=str(payload["language"]),
            version=int(payload["version"]),
        )


@dataclass(slots=True)
class PassageHit:
    """A search result; the score is None in the search that did not find it."""

    source_id: UUID
    key: str
    language: str
    version: int
    meaning: float | None = None
    words: float | None = None

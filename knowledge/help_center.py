"""Queries of the public help pages."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber

from crm.organizations.models import Language, Organization
from knowledge.managers import FaqQuerySet
from knowledge.models import Faq, FaqCategory

MAX_SHOWN = 60
MAX_CATEGORIES = 100
FIRST_OF_CATEGORY = 6
RELATED = 5
LANGUAGE_NAMES = {"en": "English", "vi": "Tiếng Việt", "ru": "Русский"}


@dataclass(frozen=True, slots=True)
class Section:
    """A category with some of its questions; ``more`` is the number of the others."""

    name: str
    slug: str
    count: int
    faqs: list[Faq]

    @property
    def more(self) -> int:
        return self.count - len(self.faqs)


def public_faqs(organization_id: UUID, language: str) -> FaqQuerySet:
    return Faq.objects.of(organization_id).published().in_language(language)


def languages_of(organization_id: UUID) -> list[str]:
    """Return the languages with published FAQs, in the product's order."""
    found = set(
        Faq.objects.of(organization_id)
        .published()
        .order_by()
        .values_list("language_code", flat=True)
        .distinct()
    )
    return [code for code in Language.values if code in found]


def language_for(organization: Organization, available: list[str], wanted: str) -> str:
    """Return the available language that fits best: the wanted one, else the organization's."""
    for code in (wanted, organization.language_code, *available):
        if code in available:
            return code
    return organization.language_code


def sections(organization_id: UUID, language: str, category: str = "") -> list[Section]:
    """Return the categories with their questions; of a single category, all up to a limit."""
    shown = Q(faqs__is_published=True, faqs__deleted_at__isnull=True, faqs__language_code=language)
    categories = FaqCategory.objects.of(organization_id).in_order()
    categories = categories.annotate(total=Count("faqs", filter=shown)).filter(total__gt=0)
    if category:
        categories = categories.filter(slug=category)
    found = list(categories[:MAX_CATEGORIES])
    theirs = Q(category__in=found, place__lte=MAX_SHOWN if category else FIRST_OF_CATEGORY)
    # Each category's own first ones: those of one that comes late are not behind all others.
    place = Window(RowNumber(), partition_by=F("category"), order_by=[F("question"), F("id")])
    faqs = (
        public_faqs(organization_id, language)
        .annotate(place=place, among=Window(Count("id"), partition_by=F("category")))
        .filter(theirs if category else theirs | Q(category=None, place__lte=MAX_SHOWN))
        .order_by("question", "id")
        .defer("answer", "folded_text", "phrasings")
    )
    by_category: dict[UUID | None, list[Any]] = {}
    for faq in faqs:
        by_category.setdefault(faq.category_id, []).append(faq)
    result = [
        Section(
            name=each.name_in(language),
            slug=each.slug,
            count=each.total,
            faqs=by_category.get(each.pk, []),
        )
        for each in found
    ]
    if without := by_category.get(None):
        result.append(Section(name="", slug="", count=without[0].among, faqs=without))
    return result


def related(faq: Faq) -> list[Faq]:
    """Return other questions of the same category and language."""
    if faq.category_id is None:
        return []
    others = public_faqs(faq.organization_id, faq.language_code).exclude(key=faq.key)
    others = others.filter(category_id=faq.category_id).order_by("-updated_at", "-id")
    return list(others.defer("answer", "folded_text", "phrasings")[:RELATED])


def language_links(urls: dict[str, str], current: str) -> list[dict[str, Any]]:
    """Return links to the versions in other languages, for the page and for search engines."""
    return [
        {
            "url": url,
            "language": code,
            "name": LANGUAGE_NAMES.get(code, code),
            "is_this": code == current,
        }
        for code, url in urls.items()
    ]

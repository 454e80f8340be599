"""Querysets of FAQs, and storage and search of passages in Qdrant."""

from knowledge.managers.faqs import FaqCategoryQuerySet, FaqQuerySet
from knowledge.managers.passages import MEANING, WORDS, PassageManager, point_id

__all__ = [
    "MEANING",
    "WORDS",
    "FaqCategoryQuerySet",
    "FaqQuerySet",
    "PassageManager",
    "point_id",
]

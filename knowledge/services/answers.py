"""`answer`: the best matching FAQ of an organization, or none."""

import logging
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Q

from crm.core.text.normalization import normalize
from knowledge import answer_cache
from knowledge.embedding import EmbeddingBusy, embed_questions
from knowledge.errors import KnowledgeUnavailable, OrganizationMissing
from knowledge.models import QUESTION_LENGTH, Faq, KnowledgeBase, Passage, PassageHit
from knowledge.ranking import THRESHOLD, Candidate, confidence, rank
from knowledge.tokenizer import question_vector

logger = logging.getLogger(__name__)
PASSAGES = 5
# What ranking and answering look at; the rest of a row would only be carried.
_TOLD = ("key", "language_code", "question", "answer", "phrasings", "folded_text")


@dataclass(frozen=True, slots=True)
class Source:
    """The source of an answer; ``url`` is a public path of this installation."""

    id: str
    title: str
    url: str
    language: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a question.

    ``text`` and ``sources`` are empty without an answer. ``confidence``, 0 to 1, is that of the
    best candidate, also if it was too low; ``passages`` are the nearest, best first.
    """

    is_known: bool
    text: str
    sources: tuple[Source, ...]
    confidence: float
    language: str
    cached: bool
    passages: tuple[Source, ...]


def answer(*, organization_id: UUID, question: str, language: str, patience: float = -1) -> Answer:
    """Answer a question from the organization's published FAQs, in ``language`` if available.

    ``patience`` is how many seconds to wait while others ask, -1 as long as it takes. Raise
    OrganizationMissing or KnowledgeUnavailable (may be retried). Works without Redis.
    """
    if organization_id is None:
        raise OrganizationMissing
    # Read before anything else: an answer is kept under the oldest version it may be true for.
    version = (
        KnowledgeBase.objects.filter(organization_id=organization_id)
        .values_list("version", flat=True)
        .first()
        or 0
    )
    asked = normalize(question)[: 2 * QUESTION_LENGTH]
    kept = answer_cache.Key.of(organization_id, version, asked, language)
    stored = answer_cache.read(kept)
    found = _from_json(stored)
    if found is None:
        found = _search(organization_id, asked, language, patience)
        answer_cache.write(kept, asdict(found))
    if found.is_known and found.sources:
        answer_cache.count(organization_id, found.sources[0].title)
    return found


def _search(organization_id: UUID, question: str, language: str, patience: float) -> Answer:
    found = ranked(organization_id, question, patience=patience)
    sure = confidence(question, found)
    passages = tuple(_source(_in_language(candidate, language)) for candidate in found[:PASSAGES])
    if not found or sure < THRESHOLD:
        return Answer(
            is_known=False,
            text="",
            sources=(),
            confidence=round(sure, 3),
            language=language,
            cached=False,
            passages=passages,
        )
    faq = _in_language(found[0], language)
    return Answer(
        is_known=True,
        text=faq.answer,
        sources=(_source(faq),),
        confidence=round(sure, 3),
        language=faq.language_code,
        cached=False,
        passages=passages,
    )


def ranked(organization_id: UUID, question: str, *, patience: float = -1) -> list[Candidate]:
    """Return an organization's FAQs that come into question, best first.

    ``patience`` as for `answer`. Raise KnowledgeUnavailable.
    """
    if not question:
        return []
    try:
        meaning = embed_questions([question], patience=patience)[0]
    except EmbeddingBusy as busy:
        raise KnowledgeUnavailable from busy
    hits = Passage.objects.nearest(
        organization_id=organization_id,
        meaning=meaning,
        words=question_vector(question),
    )
    return rank(hits, find_present(organization_id, hits))


def find_present(organization_id: UUID, hits: list[PassageHit]) -> list[Faq]:
    """Load the current rows: the index may be outdated, an answer may not."""
    if not hits:
        return []
    found = Q(key__in={hit.key for hit in hits}) | Q(pk__in={hit.source_id for hit in hits})
    present = Faq.objects.of(organization_id).published().filter(found)
    return list(present.only(*_TOLD).order_by("pk"))


def _in_language(candidate: Candidate, language: str) -> Faq:
    """Return the version in the visitor's language, else the one that matched."""
    theirs = (faq for faq in candidate.faqs if faq.language_code == language)
    return next(theirs, candidate.matched)


def _source(faq: Faq) -> Source:
    return Source(
        id=str(faq.pk),
        title=faq.question,
        url=faq.get_absolute_url(),
        language=faq.language_code,
    )


def _from_json(stored: Any) -> Answer | None:
    """Return the cached answer, None if it is invalid."""
    match stored:
        case {
            "is_known": bool(),
            "text": str(),
            "sources": list(sources),
            "confidence": int() | float(),
            "language": str(),
            "passages": list(passages),
        }:
            try:
                return replace(
                    Answer(**stored),
                    sources=tuple(Source(**source) for source in sources),
                    passages=tuple(Source(**source) for source in passages),
                    cached=True,
                )
            except TypeError:
                return None
    return None

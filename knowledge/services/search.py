"""The search of the help pages: what the bot would find, then words that only begin alike."""

from collections.abc import Iterable
from uuid import UUID

from crm.core.text.normalization import normalize
from knowledge.errors import KnowledgeUnavailable
from knowledge.help_center import MAX_SHOWN, public_faqs
from knowledge.models import QUESTION_LENGTH, Faq
from knowledge.ranking import THRESHOLD, Candidate, confidence
from knowledge.services.answers import ranked
from knowledge.tokenizer import content_words, forms, similarity

# Seconds: whoever searches while many do finds words alone.
PATIENCE = 0.5
# Of a search's words, this share must be in a FAQ, in any inflection and with typing mistakes.
_LEAST_SHARE = 0.6
# How alike two words are that differ by a slip of the hand or two.
_LEAST_ALIKE = 0.4


def search_faqs(organization_id: UUID, language: str, text: str) -> list[Faq]:
    """Return the published FAQs of a language that a search finds, best first.

    The retrieval of the bot comes first, then FAQs that contain each word or its beginning: a last
    word may not be typed to its end. Without the index only the latter.
    """
    shown = public_faqs(organization_id, language).defer("folded_text")
    mentioning = shown.mentioning(text).earliest_mention_first(text)[:MAX_SHOWN]
    found = {faq.pk: faq for faq in _retrieved(organization_id, language, text)}
    found |= {faq.pk: faq for faq in mentioning if faq.pk not in found}
    return list(found.values())[:MAX_SHOWN]


def _retrieved(organization_id: UUID, language: str, text: str) -> Iterable[Faq]:
    asked = normalize(text)[: 2 * QUESTION_LENGTH]
    try:
        candidates = ranked(organization_id, asked, patience=PATIENCE)
    except KnowledgeUnavailable:
        return
    is_sure = confidence(asked, candidates) >= THRESHOLD
    for place, candidate in enumerate(candidates):
        faq = next((one for one in candidate.faqs if one.language_code == language), None)
        if faq is not None and ((place == 0 and is_sure) or _has_the_words(asked, candidate)):
            yield faq


def _has_the_words(asked: str, candidate: Candidate) -> bool:
    """Return whether a candidate has enough of the words of a search."""
    wanted = content_words(asked)
    texts = [faq.searched_text() for faq in candidate.faqs]
    there = {word for text in texts for word in content_words(text)}
    known = {form for word in there for form in forms(word)}
    held = sum(
        any(form in known for form in forms(word))
        or any(similarity(word, other) >= _LEAST_ALIKE for other in there)
        for word in wanted
    )
    return bool(wanted) and held / len(wanted) >= _LEAST_SHARE

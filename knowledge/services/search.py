"""Search of the public help pages: the bot's retrieval first, then FAQs with matching words."""

from collections.abc import Iterable
from uuid import UUID

from crm.core.text.normalization import normalize
from knowledge.errors import KnowledgeUnavailable
from knowledge.help_center import MAX_SHOWN, public_faqs
from knowledge.models import QUESTION_LENGTH, Faq
from knowledge.ranking import THRESHOLD, Candidate, confidence
from knowledge.services.answers import ranked
from knowledge.tokenizer import compounds, content_words, forms, similarity, spellings

# Seconds to wait for the embedding; under load, only the keyword search answers.
PATIENCE = 0.5
# Share of the search's words that a FAQ must contain, in any inflection and with typing errors.
_MIN_SHARE = 0.6
# Similarity of two words that differ by one or two typing errors.
_MIN_SIMILARITY = 0.4


def search_faqs(organization_id: UUID, language: str, text: str) -> list[Faq]:
    """Return the published FAQs of a language that a search finds, best first.

    The retrieval of the bot comes first, then FAQs that contain each word as a prefix, because the
    last word may be incomplete. While the vector index is unavailable, only the latter.
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
        if faq is not None and ((place == 0 and is_sure) or _contains_words(asked, candidate)):
            yield faq


def _contains_words(asked: str, candidate: Candidate) -> bool:
    """Return whether a candidate contains at least _MIN_SHARE of the words of a search."""
    wanted = content_words(asked)
    texts = [faq.searched_text() for faq in candidate.faqs]
    there = {word for text in texts for word in (*content_words(text), *compounds(text))}
    known = {form for word in there for form in forms(word)}
    spelt = spellings(asked)
    held = sum(
        any(form in known for each in spelt(word) for form in forms(each))
        or any(similarity(word, other) >= _MIN_SIMILARITY for other in there)
        for word in wanted
    )
    return bool(wanted) and held / len(wanted) >= _MIN_SHARE

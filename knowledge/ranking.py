"""From what the two halves of a search found to one answer and how sure we are of it.

The constants were chosen and measured by benchmarks/knowledge_quality.py; docs/knowledge.md has the
figures beside those of rank fusion.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.models import Faq, PassageHit
from knowledge.terms import coverage, terms

# How much the words count beside the meaning: the best match of words adds this to a cosine.
WORDS_WEIGHT = 0.04
# A logistic model of "this is the right answer" over what is known of the best candidate.
_NEAREST, _MARGIN, _COVERAGE, _BIAS = 0.0, 0.0, 0.0, 0.0
THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that the organization knows, in the languages it has it in, with its score."""

    key: str
    faqs: tuple[Faq, ...]
    score: float
    # The cosine of its nearest passage, and that passage's FAQ.
    nearest: float
    matched: Faq


def rank(hits: Sequence[PassageHit], faqs: Iterable[Faq]) -> list[Candidate]:
    """Order what was found, best first.

    Versions of one key are looked at together: what is near in every language is a better answer than
    what is near in one, which a small model gets wrong more often. ``faqs`` are the present rows of
    the hits' keys; a hit whose FAQ is gone or hidden counts for nothing.
    """
    floor = min((hit.meaning for hit in hits if hit.meaning is not None), default=0.0)
    most_words = max((hit.words for hit in hits if hit.words is not None), default=0.0)
    meaning: dict[object, float] = defaultdict(lambda: floor)
    words: dict[object, float] = defaultdict(float)
    for hit in hits:
        if hit.meaning is not None:
            meaning[hit.source_id] = max(meaning[hit.source_id], hit.meaning)
        if hit.words is not None:
            words[hit.source_id] = max(words[hit.source_id], hit.words)
    by_key: dict[str, list[Faq]] = defaultdict(list)
    for faq in faqs:
        by_key[faq.key].append(faq)
    found = [
        _candidate(
            key,
            versions,
            [meaning[faq.pk] for faq in versions],
            max(words[faq.pk] for faq in versions) / most_words if most_words else 0.0,
        )
        for key, versions in by_key.items()
    ]
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.key))


def _candidate(key: str, versions: list[Faq], meanings: list[float], words: float) -> Candidate:
    nearest = max(meanings)
    everywhere = sum(meanings) / len(meanings)
    return Candidate(
        key=key,
        faqs=tuple(versions),
        score=(nearest + everywhere) / 2 + WORDS_WEIGHT * words,
        nearest=nearest,
        matched=versions[meanings.index(nearest)],
    )


def confidence(question: str, ranked: Sequence[Candidate]) -> float:
    """Say how likely the first candidate answers the question, 0 to 1."""
    if not ranked:
        return 0.0
    nearest, margin, covered = features(question, ranked)
    return 1 / (
        1 + math.exp(-(_NEAREST * nearest + _MARGIN * margin + _COVERAGE * covered + _BIAS))
    )


def features(question: str, ranked: Sequence[Candidate]) -> tuple[float, float, float]:
    """Give the first candidate's cosine, its lead over the second, and the words of the question in it."""
    best = ranked[0]
    margin = best.score - ranked[1].score if len(ranked) > 1 else _USUAL_MARGIN
    found: set[str] = set()
    for faq in best.faqs:
        found.update(terms(faq.searched_text()))
    return best.nearest, margin, coverage(question, found)


# What the lead is taken for where there is no second candidate to compare with.
_USUAL_MARGIN = 0.03

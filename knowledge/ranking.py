"""Ranking of the results of both searches, and confidence of the best answer.

The constants were chosen and measured by benchmarks/knowledge_quality.py; docs/knowledge.md has the
results beside those of rank fusion.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.models import Faq, PassageHit
from knowledge.question_kinds import asks_for_something_else, topic_words
from knowledge.tokenizer import forms, normalized, presence, spellings, terms

# How much the words count beside the meaning: the best match of words adds this to a cosine.
WORDS_WEIGHT = 0.04
# A logistic model of "this is the right answer" over what is known of the best candidate.
_NEAREST, _LEAD, _COVERAGE, _BIAS = 24.83, 39.32, 3.73, -24.48
THRESHOLD = 0.5
# The lead is taken over this many of those behind. A small organization has fewer: a far lead over
# what little it has written says nothing, so whoever is missing is taken to be this far behind.
_BEHIND, _MISSING_LEAD = 5, 0.045
# A question that asks for a price is not answered by a duration, however near the two are.
_OTHER_KIND = 6.0
# Without the question's words, only a very near meaning is evidence; else this is held against it.
_FEW_WORDS, _VERY_NEAR, _NO_EVIDENCE = 0.15, 0.92, 2.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One FAQ in all of its languages, with its score."""

    key: str
    faqs: tuple[Faq, ...]
    score: float
    # The cosine of its nearest passage, and that passage's FAQ.
    nearest: float
    matched: Faq


def rank(hits: Sequence[PassageHit], faqs: Iterable[Faq]) -> list[Candidate]:
    """Return the candidates, best first.

    Versions of one key are scored together: a match in every language is a better answer than a
    match in one, which a small model more often gets wrong. ``faqs`` are the present rows of the
    hits' keys; a hit whose FAQ is deleted or unpublished is ignored.
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
    """Return the probability, 0 to 1, that the first candidate answers the question."""
    if not ranked:
        return 0.0
    nearest, lead, covered = features(question, ranked)
    logit = _NEAREST * nearest + _LEAD * lead + _COVERAGE * covered + _BIAS
    if asks_for_something_else(question, ranked[0].faqs):
        logit -= _OTHER_KIND
    if covered < _FEW_WORDS and nearest < _VERY_NEAR:
        logit -= _NO_EVIDENCE
    return 1 / (1 + math.exp(-logit))


def features(question: str, ranked: Sequence[Candidate]) -> tuple[float, float, float]:
    """Return the first candidate's cosine, its lead, and its share of the question's words."""
    best, behind = ranked[0], ranked[1 : 1 + _BEHIND]
    leads = [best.nearest - other.nearest for other in behind]
    leads += [_MISSING_LEAD] * (_BEHIND - len(leads))
    lead = sum(leads) / _BEHIND
    return best.nearest, lead, _covered(question, ranked)


def _covered(question: str, ranked: Sequence[Candidate]) -> float:
    """Return the share of the question's content words in the first candidate, weighted by rarity.

    Rarity is measured among the candidates: in a coffee shop "coffee" is worthless, and a word that
    no candidate contains has the highest weight, because the question concerns another topic.
    """
    texts = ["\n".join(f" {faq.folded_text}" for faq in one.faqs) for one in ranked]
    best: set[str] = set()
    for faq in ranked[0].faqs:
        best.update(terms(faq.searched_text()))
    spelt = spellings(question)
    asked = covered = 0.0
    for word in topic_words(question):
        stem = min((normalized(form) for form in forms(word)), key=len)
        holding = sum(f" {stem}" in text for text in texts)
        rarity = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        asked += rarity
        covered += rarity * max(presence(each, best) for each in spelt(word))
    return covered / asked if asked else 0.0

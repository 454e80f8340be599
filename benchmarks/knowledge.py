"""What the bot asks: an answer that is kept, and one that has to be found."""

from benchmarks.measure import Figure, figure_of, one_by_one
from benchmarks.web import main_organization
from crm.core import stores
from knowledge.embedding import embed_questions
from knowledge.models import Faq, Passage
from knowledge.services import answer
from knowledge.tokenizer import question_vector
from tests.chaos.stack import Stack


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    del stack
    organization = main_organization()
    times = 40 if quick else 200
    # Words that stand in no FAQ keep every question new to the cache.
    questions = [
        f"{question} Please, number {number}"
        for number, question in enumerate(
            Faq.objects.filter(organization=organization)
            .order_by("pk")
            .values_list("question", flat=True)[: times + 5]
        )
    ]
    for key in stores.redis().scan_iter("response_cache:*"):
        stores.redis().delete(key)
    new, kept, embedded = iter(questions), iter(questions * 2), iter(questions)
    found = one_by_one(
        lambda: answer(organization_id=organization.pk, question=next(new), language="en"), times
    )
    cached = one_by_one(
        lambda: answer(organization_id=organization.pk, question=next(kept), language="en"), times
    )
    assert answer(organization_id=organization.pk, question=questions[-1], language="en").cached, (
        "the second time must come from the cache"
    )
    meaning = embed_questions(questions[:1])[0]
    words = question_vector(questions[0])
    search = one_by_one(
        lambda: Passage.objects.nearest(
            organization_id=organization.pk, meaning=meaning, words=words
        ),
        times,
    )
    embedding = one_by_one(lambda: embed_questions([next(embedded)]), times)
    kept_key = next(stores.redis().scan_iter("response_cache:*"))
    get = one_by_one(lambda: stores.redis().get(kept_key), times)
    return [
        figure_of(
            "cached answer",
            cached,
            floor=get,
            floor_of="one bare Redis GET",
            budget=10,
            how="`knowledge.services.answer`, one after the other",
        ),
        figure_of(
            "knowledge query",
            found,
            floor=search,
            floor_of="the search in Qdrant alone, without embedding and ranking",
            budget=100,
            how="`knowledge.services.answer`, every question a new one; of it the embedding: "
            f"p95 {embedding.p95:.1f} ms",
        ),
    ]

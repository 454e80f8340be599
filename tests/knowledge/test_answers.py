"""An answer is the FAQ's own words, in the visitor's language, and never an older one."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries

from crm.core import stores
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Organization
from knowledge import answer_cache
from knowledge.embedding import embed_questions
from knowledge.errors import KnowledgeUnavailable, OrganizationMissing
from knowledge.models import Faq, Passage
from knowledge.services import (
    Answer,
    FaqContent,
    answer,
    create_faq,
    delete_faq,
    import_faqs,
    index_now,
    set_published,
    update_faq,
)
from knowledge.tokenizer import question_vector
from tests.knowledge.conftest import TEXTS
from tests.outages import without_qdrant, without_redis

SHIPPING = "How much is the shipping to Russia?"


def ask(organization: Organization, question: str, language: str = "en") -> Answer:
    return answer(organization_id=organization.pk, question=question, language=language)


def test_answer_is_the_faq_with_its_source(knowledge: Organization) -> None:
    found = ask(knowledge, SHIPPING)
    faq = Faq.objects.get(organization=knowledge, key="delivery", language_code="en")
    assert (found.is_known, found.text, found.language) == (True, faq.answer, "en")
    (source,) = found.sources
    assert (source.id, source.title) == (str(faq.pk), faq.question)
    assert source.url == f"/help/{faq.pk}/"
    assert 0.5 < found.confidence <= 1
    assert found.passages[0] == source


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_visitor_is_answered_in_their_language_whatever_matched(
    knowledge: Organization, language: str
) -> None:
    found = ask(knowledge, SHIPPING, language)
    assert (found.text, found.language) == (TEXTS["delivery"][language][1], language)


def test_other_language_is_better_than_nothing(knowledge: Organization) -> None:
    found = ask(knowledge, "What are the opening hours?", "vi")
    assert (found.text, found.language) == (TEXTS["opening-hours"]["en"][1], "en")


def test_what_is_not_known_is_said_so(knowledge: Organization) -> None:
    found = ask(knowledge, "Who won the football match last night?")
    assert (found.is_known, found.text, found.sources) == (False, "", ())
    assert found.confidence < 0.5
    assert len(found.passages) == 3


@pytest.mark.parametrize("question", ["", "   ", "???", "\u0000", "a" * 5000])
def test_odd_questions_are_unknown_not_errors(knowledge: Organization, question: str) -> None:
    assert not ask(knowledge, question).is_known


def test_empty_knowledge_knows_nothing(organization: Organization) -> None:
    found = ask(organization, SHIPPING)
    assert (found.is_known, found.confidence, found.passages) == (False, 0.0, ())


def test_what_others_know_moves_no_score_here(
    knowledge: Organization, stranger_organization: Organization
) -> None:
    question = "Shipping to Moscow, how much is it?"
    meaning, words = embed_questions([question])[0], question_vector(question)

    def scores() -> dict[str, float | None]:
        hits = Passage.objects.nearest(organization_id=knowledge.pk, meaning=meaning, words=words)
        return {str(hit.source_id): hit.words for hit in hits}

    before = scores()
    assert any(before.values())
    # Over there everything is about shipping: the word says little among all passages together.
    others = [
        FaqContent(
            question=f"How much is shipping of parcel number {number}?",
            answer=f"Shipping of it is free: {number}.",
            language_code="en",
            key=f"parcel-{number}",
        )
        for number in range(20)
    ]
    import_faqs(by=SystemPrincipal(stranger_organization.pk), contents=others)
    index_now(organization_id=stranger_organization.pk)
    assert scores() == before


def test_stranger_is_told_nothing(
    knowledge: Organization, stranger_organization: Organization
) -> None:
    found = ask(stranger_organization, SHIPPING)
    assert (found.is_known, found.passages) == (False, ())


def test_an_organization_must_be_named(knowledge: Organization) -> None:
    nobody: UUID = None  # type: ignore[assignment]  # what a caller's mistake looks like
    with pytest.raises(OrganizationMissing):
        answer(organization_id=nobody, question=SHIPPING, language="en")


def test_second_time_comes_from_the_cache(
    knowledge: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = ask(knowledge, SHIPPING)
    with django_assert_num_queries(1):  # the version of the knowledge
        second = ask(knowledge, "how much is the SHIPPING to russia")
    assert (first.cached, second.cached) == (False, True)
    assert replace(second, cached=False) == first
    (key,) = stores.redis().keys(f"response_cache:{knowledge.pk}:*")
    assert 0 < stores.redis().ttl(key) <= 3600


def test_uncached_answer_needs_two_queries(
    knowledge: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):  # the version, and the rows of what was found
        assert ask(knowledge, SHIPPING).is_known


def test_changed_faq_is_answered_anew_even_before_it_is_indexed(faq: Faq) -> None:
    ask(faq.organization, SHIPPING)
    update_faq(
        by=SystemPrincipal(faq.organization_id),
        faq_id=faq.pk,
        content=FaqContent(
            question=faq.question, answer="Free now.", language_code="en", key=faq.key
        ),
    )
    found = ask(faq.organization, SHIPPING)
    assert (found.text, found.cached) == ("Free now.", False)


@pytest.mark.parametrize("hide", ["delete", "unpublish"])
def test_hidden_faq_is_told_to_nobody_even_before_the_index_follows(faq: Faq, hide: str) -> None:
    Faq.objects.exclude(pk=faq.pk).update(is_published=False)
    ids: dict[str, Any] = {"by": SystemPrincipal(faq.organization_id), "faq_id": faq.pk}
    assert ask(faq.organization, SHIPPING).is_known
    if hide == "delete":
        delete_faq(**ids)
    else:
        set_published(**ids, is_published=False)
    found = ask(faq.organization, SHIPPING)
    assert (found.is_known, found.passages) == (False, ())


def test_new_faq_is_answered_although_the_question_was_cached_as_unknown(
    knowledge: Organization,
) -> None:
    question = "Do you sell decaf coffee?"
    assert not ask(knowledge, question).is_known
    create_faq(
        by=SystemPrincipal(knowledge.pk),
        content=FaqContent(question=question, answer="Yes.", language_code="en"),
    )
    assert not ask(knowledge, question).is_known
    index_now(organization_id=knowledge.pk)
    assert ask(knowledge, question).text == "Yes."


def test_known_questions_are_counted_in_our_words_only(knowledge: Organization) -> None:
    ask(knowledge, "How much is shipping to Russia? Call me at 0912345678, anna@mail.example")
    ask(knowledge, SHIPPING)
    ask(knowledge, SHIPPING)
    ask(knowledge, "My number is 0912345678")
    assert answer_cache.popular(knowledge.pk) == [("How much is shipping to Russia?", 3)]


def test_counted_questions_are_bounded(
    knowledge: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_cache, "POPULAR_KEPT", 2)
    for times, question in ((3, "a"), (2, "b"), (1, "c")):
        for _ in range(times):
            answer_cache.count(knowledge.pk, question)
    assert answer_cache.popular(knowledge.pk) == [("a", 3), ("b", 2)]


def test_answers_come_without_redis(knowledge: Organization) -> None:
    with without_redis():
        assert ask(knowledge, SHIPPING).is_known
        assert answer_cache.popular(knowledge.pk) == []


def test_unreachable_search_is_a_refusal_that_may_be_retried(knowledge: Organization) -> None:
    with without_qdrant(), pytest.raises(KnowledgeUnavailable) as refused:
        ask(knowledge, SHIPPING)
    assert (refused.value.status, refused.value.code) == (503, "knowledge_unavailable")
    assert stores.redis().keys("response_cache:*") == []

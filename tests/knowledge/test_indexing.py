"""The index follows the rows, whoever is killed and whatever runs twice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from crm.core import stores
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Organization
from knowledge.embedding import embed_questions
from knowledge.errors import KnowledgeUnavailable, OrganizationMissing
from knowledge.models import Faq, Passage, PassageHit
from knowledge.services import (
    delete_faq,
    import_faqs,
    index_faqs,
    index_now,
    indexing,
    set_published,
    update_faq,
)
from knowledge.services.indexing import organizations_behind
from knowledge.tasks import compare_index, index_changed_faqs, purge_deleted_faqs
from knowledge.tokenizer import question_vector
from tests.knowledge.conftest import contents
from tests.knowledge.test_faqs import NEW
from tests.outages import without_qdrant
from tests.sweeps import sweep

# Six FAQs; the Vietnamese one is found without its marks as well.
PASSAGES = 7


class KilledHere(Exception):
    """Stands for a process that ends at this line."""


def nearest(organization_id: Any, question: str) -> list[PassageHit]:
    return Passage.objects.nearest(
        organization_id=organization_id,
        meaning=embed_questions([question])[0],
        words=question_vector(question),
    )


def test_everything_is_indexed_once(knowledge: Organization) -> None:
    assert Passage.objects.count(organization_id=knowledge.pk) == PASSAGES
    assert not Faq.objects.of(knowledge.pk).to_index().exists()
    assert index_now(organization_id=knowledge.pk) == 0


def test_indexing_again_overwrites(knowledge: Organization) -> None:
    Faq.objects.of(knowledge.pk).update(indexed_version=0)
    assert index_now(organization_id=knowledge.pk) == 6
    assert Passage.objects.count(organization_id=knowledge.pk) == PASSAGES


def test_change_takes_the_place_of_the_older_version(faq: Faq) -> None:
    update_faq(
        by=SystemPrincipal(faq.organization_id),
        faq_id=faq.pk,
        content=replace(NEW, phrasings=("coffee without caffeine",)),
    )
    index_now(organization_id=faq.organization_id)
    assert Passage.objects.count(organization_id=faq.organization_id) == PASSAGES + 1
    hit = nearest(faq.organization_id, "coffee without caffeine")[0]
    assert (hit.source_id, hit.version, hit.key) == (faq.pk, 2, "decaf")


@pytest.mark.parametrize("hide", ["delete", "unpublish"])
def test_hidden_faq_leaves_the_index(faq: Faq, hide: str) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(faq.organization_id), "faq_id": faq.pk}
    if hide == "delete":
        delete_faq(**ids)
    else:
        set_published(**ids, is_published=False)
    assert index_now(organization_id=faq.organization_id) == 1
    assert Passage.objects.count(organization_id=faq.organization_id) == PASSAGES - 1
    faq.refresh_from_db()
    assert faq.is_indexed


def test_kill_after_storing_leaves_the_rows_to_do(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: Any) -> None:
        raise KilledHere

    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    with monkeypatch.context() as patched:
        patched.setattr(indexing, "raise_version", die)
        with pytest.raises(KilledHere):
            index_now(organization_id=organization.pk)
    assert Passage.objects.count(organization_id=organization.pk) == PASSAGES
    assert Faq.objects.of(organization.pk).to_index().count() == 6
    assert index_now(organization_id=organization.pk) == 6
    assert Passage.objects.count(organization_id=organization.pk) == PASSAGES


def test_older_version_never_comes_after_a_newer_one(
    faq: Faq, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(faq.organization_id), "faq_id": faq.pk}
    update_faq(**ids, content=replace(NEW, question="Second version?"))
    slow = indexing.passages_of

    def changed_meanwhile(faqs: list[Faq]) -> list[Passage]:
        passages = slow(faqs)
        if faqs and faqs[0].version == 2:
            update_faq(**ids, content=replace(NEW, question="Third version?"))
        return passages

    monkeypatch.setattr(indexing, "passages_of", changed_meanwhile)
    assert index_faqs(organization_id=faq.organization_id) == 1
    found = [hit for hit in nearest(faq.organization_id, "decaf") if hit.source_id == faq.pk]
    assert [hit.version for hit in found] == [3]


def test_search_without_an_organization_is_an_error(knowledge: Organization) -> None:
    with pytest.raises(OrganizationMissing):
        nearest(None, "shipping")


def test_stranger_finds_nothing(
    knowledge: Organization, stranger_organization: Organization
) -> None:
    assert nearest(stranger_organization.pk, "How much is shipping to Russia?") == []
    assert Passage.objects.count(organization_id=stranger_organization.pk) == 0


def test_words_find_vietnamese_without_marks(knowledge: Organization) -> None:
    hits = nearest(knowledge.pk, "giao hang")
    best = max(hits, key=lambda hit: hit.words or 0)
    assert (best.key, best.language) == ("delivery", "vi")


def test_question_of_no_words_is_searched_by_meaning_alone(knowledge: Organization) -> None:
    assert {hit.words for hit in nearest(knowledge.pk, "???")} == {None}


def test_task_indexes_and_may_run_twice(organization: Organization) -> None:
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    index_changed_faqs(str(organization.pk))
    index_changed_faqs(str(organization.pk))
    assert Passage.objects.count(organization_id=organization.pk) == PASSAGES


def test_change_queues_its_task_after_commit(
    organization: Organization, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    assert len(callbacks) == 1
    assert stores.redis().llen("default") == 1


def test_sweep_finds_what_is_late(organization: Organization) -> None:
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    assert organizations_behind() == []
    late = timezone.now() - timedelta(minutes=5)
    Faq.objects.of(organization.pk).update(updated_at=late)
    assert organizations_behind() == [organization.pk]
    sweep(index_changed_faqs)
    assert stores.redis().llen("default") == 1
    index_now(organization_id=organization.pk)
    assert organizations_behind() == []
    purge_deleted_faqs()


def test_index_that_was_lost_is_made_again(knowledge: Organization) -> None:
    for name in Passage.objects.collections():
        Passage.objects.drop(name)
    assert nearest(knowledge.pk, "shipping") == []
    compare_index()
    assert index_now(organization_id=knowledge.pk) == 6
    assert Passage.objects.count(organization_id=knowledge.pk) == PASSAGES


def test_index_that_vanishes_under_a_search_finds_nothing(knowledge: Organization) -> None:
    nearest(knowledge.pk, "shipping")
    for name in Passage.objects.collections():
        stores.qdrant().delete_collection(name)
    assert nearest(knowledge.pk, "shipping") == []


def test_single_loss_is_noticed(faq: Faq) -> None:
    Passage.objects.delete_of_source(organization_id=faq.organization_id, source_id=faq.pk)
    compare_index()
    assert list(Faq.objects.to_index()) == [faq]
    index_now(organization_id=faq.organization_id)
    compare_index()
    assert not Faq.objects.to_index().exists()


def test_unreachable_index_loses_no_change(organization: Organization) -> None:
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    with without_qdrant(), pytest.raises(KnowledgeUnavailable):
        index_now(organization_id=organization.pk)
    assert Faq.objects.of(organization.pk).to_index().count() == 6
    assert index_now(organization_id=organization.pk) == 6

"""The index is built anew beside the old one, which answers until the new one is complete."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.core.management import call_command

from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Organization
from knowledge.errors import IndexOutdated
from knowledge.managers import passages
from knowledge.models import Faq, Passage
from knowledge.services import answer, delete_faq, import_faqs, index_now, update_faq
from knowledge.services.reindex import rebuild_index
from tests.knowledge.conftest import TEXTS, contents
from tests.knowledge.test_faqs import NEW
from tests.knowledge.test_indexing import PASSAGES, KilledHere

SHIPPING = "How much is the shipping to Russia?"


def text_of(organization: Organization) -> str:
    return answer(organization_id=organization.pk, question=SHIPPING, language="en").text


def test_new_index_answers_and_the_old_one_is_gone(knowledge: Organization) -> None:
    old = Passage.objects.aliased()
    new = rebuild_index()
    assert new != old
    assert (Passage.objects.aliased(), Passage.objects.collections()) == (new, [new])
    assert Passage.objects.count(organization_id=knowledge.pk) == PASSAGES
    assert text_of(knowledge) == TEXTS["delivery"]["en"][1]


def test_first_index_of_all(organization: Organization) -> None:
    for name in Passage.objects.collections():
        Passage.objects.drop(name)
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    rebuild_index()
    assert Passage.objects.count(organization_id=organization.pk) == PASSAGES


def test_killed_run_goes_on_where_it_was(knowledge: Organization) -> None:
    old = Passage.objects.aliased()

    def die(done: int, total: int) -> None:
        raise KilledHere

    with pytest.raises(KilledHere):
        rebuild_index(progress=die)
    left = [name for name in Passage.objects.collections() if name != old]
    assert len(left) == 1
    assert (Passage.objects.aliased(), text_of(knowledge)) == (old, TEXTS["delivery"]["en"][1])
    assert rebuild_index() == left[0]
    assert Passage.objects.collections() == left


@pytest.mark.parametrize("change", ["update", "delete"])
def test_change_made_meanwhile_is_in_the_new_index(faq: Faq, change: str) -> None:
    def meanwhile(done: int, total: int) -> None:
        if change == "update":
            update_faq(
                by=SystemPrincipal(faq.organization_id),
                faq_id=faq.pk,
                content=replace(NEW, phrasings=("coffee without caffeine",)),
            )
        else:
            delete_faq(by=SystemPrincipal(faq.organization_id), faq_id=faq.pk)
        index_now(organization_id=faq.organization_id)

    rebuild_index(progress=_once(meanwhile))
    here = PASSAGES + (1 if change == "update" else -1)
    assert Passage.objects.count(organization_id=faq.organization_id) == here


def _once(call: Callable[[int, int], None]) -> Callable[[int, int], None]:
    calls: list[int] = []

    def first_only(done: int, total: int) -> None:
        if not calls:
            calls.append(done)
            call(done, total)

    return first_only


def test_another_model_never_reads_the_old_vectors(
    knowledge: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages, "MODEL", "another-model")
    Passage.objects.invalidate_collection()
    with pytest.raises(IndexOutdated):
        text_of(knowledge)
    with pytest.raises(IndexOutdated):
        Passage.objects.put([])
    name = rebuild_index()
    assert "__another-model__" in name
    assert text_of(knowledge) == TEXTS["delivery"]["en"][1]
    Passage.objects.drop(name)


def test_command_tells_how_far_it_is(
    knowledge: Organization, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("reindex_knowledge")
    told = capsys.readouterr().out.splitlines()
    assert told[-2] == "6 of 6 FAQs indexed"
    assert told[-1] == f"The index {Passage.objects.aliased()} answers from now on."

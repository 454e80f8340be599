"""FAQs are written by services only, and each change says what the index has to follow."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from crm.billing.services import subscription_of
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Organization
from knowledge.errors import CategoryNotFound, FaqKeyTaken, FaqNotFound, InvalidFaq
from knowledge.models import Faq, KnowledgeBase
from knowledge.services import (
    FaqContent,
    add_phrasing,
    create_category,
    create_faq,
    delete_faq,
    import_faqs,
    index_now,
    purge_deleted,
    restore_faq,
    set_published,
    update_faq,
)
from tests.knowledge.conftest import contents

NEW = FaqContent(
    question="Do you have  decaf?\n", answer="Yes: Moonlight.", language_code="en", key="decaf"
)


def version_of(organization: Organization) -> int:
    return KnowledgeBase.objects.get(organization=organization).version


def test_new_faq_waits_for_the_index_and_raises_the_version(organization: Organization) -> None:
    faq = create_faq(by=SystemPrincipal(organization.pk), content=NEW)
    assert (faq.question, faq.version, faq.indexed_version) == ("Do you have decaf?", 1, 0)
    assert list(Faq.objects.of(organization.pk).to_index()) == [faq]
    assert version_of(organization) == 1


def test_changed_faq_waits_again(faq: Faq) -> None:
    assert faq.is_indexed
    before = version_of(faq.organization)
    changed = update_faq(
        by=SystemPrincipal(faq.organization_id),
        faq_id=faq.pk,
        content=replace(NEW, key=faq.key, phrasings=("russia parcel", "russia parcel", " ")),
    )
    assert (changed.version, changed.indexed_version, changed.is_indexed) == (2, 1, False)
    assert changed.phrasings == ["russia parcel"]
    assert version_of(faq.organization) == before + 1


def test_another_way_to_ask_is_added_once(faq: Faq) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(faq.organization_id), "faq_id": faq.pk}
    for phrasing in (" russia \n parcel ", "russia parcel", faq.question, "  "):
        changed = add_phrasing(**ids, phrasing=phrasing)
    assert (changed.phrasings, changed.version) == (["russia parcel"], 2)
    assert "russia parcel" in changed.folded_text
    Faq.objects.filter(pk=faq.pk).update(phrasings=[str(number) for number in range(20)])
    with pytest.raises(InvalidFaq):
        add_phrasing(**ids, phrasing="one more")
    faq.refresh_from_db()
    assert len(faq.phrasings) == 20


def test_key_is_made_from_the_question_and_never_twice(organization: Organization) -> None:
    content = FaqContent(question="Giao hàng đi đâu?", answer="Nga", language_code="vi")
    first = create_faq(by=SystemPrincipal(organization.pk), content=content)
    second = create_faq(by=SystemPrincipal(organization.pk), content=content)
    assert first.key == "giao-hang-di-dau"
    assert second.key.startswith("giao-hang-di-dau-")


def test_a_made_key_is_nobodys_in_any_language(organization: Organization) -> None:
    """FAQs of one key are translations of each other; these are not."""
    made = [
        create_faq(
            by=SystemPrincipal(organization.pk),
            content=replace(NEW, question=question, language_code=language, key=""),
        )
        for question, language in (
            ("Ban?", "en"),
            ("Bàn?", "vi"),
            ("Как добраться до офиса?", "ru"),
            ("Faq?", "en"),
        )
    ]
    assert len({each.key for each in made}) == 4
    # What somebody says is a translation is one.
    create_faq(
        by=SystemPrincipal(organization.pk),
        content=replace(NEW, key="ban", language_code="ru"),
    )


def test_a_wrong_key_is_told_in_the_readers_language(organization: Organization) -> None:
    with translation.override("vi"), pytest.raises(InvalidFaq) as refusal:
        create_faq(by=SystemPrincipal(organization.pk), content=replace(NEW, key="a key"))
    assert refusal.value.extra["errors"]["key"][0].startswith("Chỉ dùng chữ cái a đến z")


def test_taken_key_is_refused_and_nothing_is_stored(faq: Faq) -> None:
    before = version_of(faq.organization)
    with pytest.raises(FaqKeyTaken):
        create_faq(by=SystemPrincipal(faq.organization_id), content=replace(NEW, key=faq.key))
    assert Faq.objects.of(faq.organization_id).count() == 6
    assert version_of(faq.organization) == before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"question": "  "}, "question"),
        ({"question": "q" * 501}, "question"),
        ({"answer": ""}, "answer"),
        ({"language_code": "xx"}, "language_code"),
        ({"key": "no spaces"}, "key"),
        ({"phrasings": tuple(str(n) for n in range(21))}, "phrasings"),
        ({"phrasings": ("p" * 501,)}, "phrasings"),
    ],
)
def test_bad_content_is_refused_by_field(
    organization: Organization, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidFaq) as refused:
        create_faq(by=SystemPrincipal(organization.pk), content=replace(NEW, **wrong))
    assert list(refused.value.extra["errors"]) == [field]
    assert not Faq.objects.exists()


def test_category_of_another_organization_is_refused(
    organization: Organization, stranger_organization: Organization
) -> None:
    theirs = create_category(by=SystemPrincipal(stranger_organization.pk), name="Theirs")
    with pytest.raises(CategoryNotFound):
        create_faq(by=SystemPrincipal(organization.pk), content=replace(NEW, category_id=theirs.pk))
    with pytest.raises(CategoryNotFound):
        import_faqs(
            by=SystemPrincipal(organization.pk),
            contents=[replace(NEW, category_id=theirs.pk)],
        )
    assert not Faq.objects.exists()


def test_stranger_changes_nothing(faq: Faq, stranger_organization: Organization) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(stranger_organization.pk), "faq_id": faq.pk}
    with pytest.raises(FaqNotFound):
        update_faq(**ids, content=NEW)
    with pytest.raises(FaqNotFound):
        delete_faq(**ids)
    with pytest.raises(FaqNotFound):
        restore_faq(**ids)
    with pytest.raises(FaqNotFound):
        set_published(**ids, is_published=False)
    faq.refresh_from_db()
    assert (faq.version, faq.deleted_at, faq.is_published) == (1, None, True)


def test_deleted_faq_comes_back_whole(faq: Faq) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(faq.organization_id), "faq_id": faq.pk}
    delete_faq(**ids)
    assert not Faq.objects.of(faq.organization_id).alive().filter(pk=faq.pk).exists()
    with pytest.raises(FaqNotFound):
        update_faq(**ids, content=NEW)
    restored = restore_faq(**ids)
    assert (restored.deleted_at, restored.version) == (None, 3)
    assert restore_faq(**ids).version == 3


def test_restore_is_refused_when_another_took_the_key(faq: Faq) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(faq.organization_id), "faq_id": faq.pk}
    delete_faq(**ids)
    create_faq(by=SystemPrincipal(faq.organization_id), content=replace(NEW, key=faq.key))
    with pytest.raises(FaqKeyTaken):
        restore_faq(**ids)


def test_deleted_faq_is_purged_only_after_it_left_the_index(faq: Faq) -> None:
    delete_faq(by=SystemPrincipal(faq.organization_id), faq_id=faq.pk)
    Faq.objects.filter(pk=faq.pk).update(deleted_at=timezone.now() - timedelta(days=31))
    assert purge_deleted() == 0
    index_now(organization_id=faq.organization_id)
    assert purge_deleted() == 1
    assert not Faq.objects.filter(pk=faq.pk).exists()


def test_importing_again_changes_nothing(knowledge: Organization) -> None:
    before = version_of(knowledge)
    told: list[int] = []
    counts = import_faqs(
        by=SystemPrincipal(knowledge.pk), contents=contents(), progress=told.append
    )
    assert counts == {"created": 0, "updated": 0, "unchanged": 6}
    assert told == [6]
    assert version_of(knowledge) == before
    assert not Faq.objects.of(knowledge.pk).to_index().exists()


def test_importing_updates_by_key_and_language(knowledge: Organization) -> None:
    changed = [replace(content, answer=f"{content.answer} New.") for content in contents()[:2]]
    counts = import_faqs(by=SystemPrincipal(knowledge.pk), contents=[*changed, NEW])
    assert counts == {"created": 1, "updated": 2, "unchanged": 0}
    assert Faq.objects.of(knowledge.pk).to_index().count() == 3
    assert Faq.objects.of(knowledge.pk).count() == 7


def test_the_same_faq_twice_in_one_import_is_stored_once(organization: Organization) -> None:
    counts = import_faqs(
        by=SystemPrincipal(organization.pk), contents=[NEW, replace(NEW, answer="Last.")]
    )
    assert counts["created"] == 1
    assert Faq.objects.get().answer == "Last."


def test_import_needs_the_same_queries_for_many(
    organization: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    many = [replace(NEW, key=f"decaf-{number}") for number in range(200)]
    KnowledgeBase.objects.create(organization=organization)
    subscription_of(organization.pk)
    # savepoint, find and lock the base, FAQs, categories, insert, room, version, release
    with django_assert_num_queries(10):
        import_faqs(by=SystemPrincipal(organization.pk), contents=many)
    assert Faq.objects.count() == 200


def test_list_search_ignores_marks(knowledge: Organization) -> None:
    found = Faq.objects.of(knowledge.pk).mentioning("GIAO hang nga")
    assert [faq.language_code for faq in found] == ["vi"]

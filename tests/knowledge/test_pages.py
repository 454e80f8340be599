"""FAQs are managed in the browser by who may, seen by members only, and public where published."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from crm.core.ids import uuid7
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Membership, Organization
from knowledge.models import Faq, FaqCategory, KnowledgeBase
from knowledge.services import create_category, delete_faq, set_published
from tests.knowledge.conftest import TEXTS

LIST = "/app/knowledge/"


def browser(membership: Membership, **headers: str) -> Client:
    client = Client(headers=headers)
    client.force_login(membership.user)
    return client


def filled(**changed: Any) -> dict[str, Any]:
    return {
        "question": "Do you have decaf?",
        "answer": "Yes: Moonlight.",
        "language_code": "en",
        "phrasings": "coffee without caffeine\ndecaffeinated",
        "key": "decaf",
        "is_published": "on",
    } | changed


def test_list_shows_only_ones_own(
    knowledge: Organization, agent: Membership, stranger: Membership
) -> None:
    assert b"How much is shipping to Russia?" in browser(agent).get(LIST).content
    theirs = browser(stranger).get(LIST)
    assert theirs.status_code == 200
    assert b"How much is shipping to Russia?" not in theirs.content


def test_nobody_comes_in_without_logging_in(faq: Faq) -> None:
    for name, ids in (
        ("list", []),
        ("new", []),
        ("page", [faq.pk]),
        ("deleted_faqs", []),
        ("index_state", [faq.pk]),
        ("categories", []),
    ):
        reply = Client().get(reverse(f"knowledge:{name}", args=ids))
        assert reply.status_code == 302, name
        assert reply["Location"].startswith("/login/")


@pytest.mark.parametrize(
    ("query", "questions"),
    [
        ("q=giao hang", {TEXTS["delivery"]["vi"][0]}),
        ("language_code__in=ru", {TEXTS["delivery"]["ru"][0], TEXTS["opening-hours"]["ru"][0]}),
        ("q=shipping&language_code__in=en", {TEXTS["delivery"]["en"][0]}),
        ("view=hidden", set()),
        ("view=waiting", set()),
        ("q=zzz", set()),
    ],
)
def test_list_is_narrowed(
    knowledge: Organization, agent: Membership, query: str, questions: set[str]
) -> None:
    reply = browser(agent).get(f"{LIST}?{query}")
    assert {faq.question for faq in reply.context["rows"]} == questions


def test_list_by_category_and_state(faq: Faq, agent: Membership) -> None:
    category = create_category(by=SystemPrincipal(faq.organization_id), name="Delivery")
    Faq.objects.filter(pk=faq.pk).update(category=category)
    set_published(by=SystemPrincipal(faq.organization_id), faq_id=faq.pk, is_published=False)
    rest = Faq.objects.count() - 1
    for query, count in (
        (f"category_id__in={category.pk}", 1),
        (f"category_id__not_in={category.pk}", rest),
        ("category_id__filled=true", 1),
        ("category_id__empty=true", rest),
        ("view=hidden", 1),
        ("view=waiting", 1),
        ("view=published", rest),
    ):
        rows = browser(agent).get(f"{LIST}?{query}").context["rows"]
        assert (len(rows), faq in rows) == (count, count == 1), query


def test_faq_is_written_changed_hidden_deleted_and_brought_back(
    organization: Organization, owner: Membership
) -> None:
    client = browser(owner)
    assert client.post("/app/knowledge/new/", filled()).status_code == 302
    faq = Faq.objects.get()
    assert (faq.organization, faq.created_by) == (organization, owner.user)
    assert faq.phrasings == ["coffee without caffeine", "decaffeinated"]

    page = reverse("knowledge:edit", args=[faq.pk])
    edited = filled(answer="Yes.") | {"_version": str(faq.version)}
    assert client.post(page, edited).status_code == 302
    assert Faq.objects.get().answer == "Yes."

    def act(action: str) -> None:
        faq.refresh_from_db()
        client.post(
            reverse("knowledge:run_bulk"), {"action": action, "rows": f"{faq.pk}:{faq.version}"}
        )

    act("hide")
    assert not Faq.objects.get().is_published
    act("publish")
    assert Faq.objects.get().is_published
    act("delete")
    assert client.get(page).status_code == 404
    assert faq.question in client.get(reverse("knowledge:deleted_faqs")).content.decode()
    back = client.post(reverse("knowledge:restore_faq", args=[faq.pk]), follow=True)
    assert [one.pk for one in back.context["rows"]] == [faq.pk]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"question": ""}, "question"),
        ({"answer": "a" * 5001}, "answer"),
        ({"language_code": "xx"}, "language_code"),
        ({"category_id": "nonsense"}, "category_id"),
        ({"key": "not a key"}, "key"),
        ({"phrasings": "x\n" * 21 + "y"}, None),
        ({"phrasings": "\n".join(f"way {n}" for n in range(21))}, "phrasings"),
    ],
)
def test_bad_form_says_where_and_stores_nothing(
    organization: Organization, owner: Membership, changed: dict[str, str], field: str | None
) -> None:
    reply = browser(owner).post("/app/knowledge/new/", filled(**changed))
    if field is None:  # the same way twice is one way
        assert reply.status_code == 302
        return
    assert reply.status_code == 422
    assert list(reply.context["form"].errors) == [field]
    assert not Faq.objects.exists()


def test_taken_key_is_told_at_its_field(faq: Faq, owner: Membership) -> None:
    reply = browser(owner).post("/app/knowledge/new/", filled(key=faq.key))
    assert reply.status_code == 422
    assert "key" in reply.context["form"].errors


def test_category_of_another_organization_cannot_be_chosen(
    organization: Organization, owner: Membership, stranger: Membership
) -> None:
    theirs = create_category(by=SystemPrincipal(stranger.organization_id), name="Theirs")
    reply = browser(owner).post("/app/knowledge/new/", filled(category_id=str(theirs.pk)))
    assert reply.status_code == 422
    assert not Faq.objects.exists()


def writes(faq: Faq, category: FaqCategory) -> list[tuple[str, dict[str, Any]]]:
    return [
        (reverse("knowledge:new"), filled()),
        (reverse("knowledge:edit", args=[faq.pk]), filled()),
        (reverse("knowledge:restore_faq", args=[faq.pk]), {}),
        (reverse("knowledge:categories"), {"name": "New"}),
        (reverse("knowledge:rename_category", args=[category.pk]), {"name": "New"}),
        (reverse("knowledge:delete_category", args=[category.pk]), {}),
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("who", ["agent", "viewer"])
def test_who_may_not_write_changes_nothing(
    request: pytest.FixtureRequest, faq: Faq, number: int, who: str
) -> None:
    membership: Membership = request.getfixturevalue(who)
    category = create_category(by=SystemPrincipal(faq.organization_id), name="Delivery")
    url, given = writes(faq, category)[number]
    assert browser(membership).post(url, given).status_code == 403
    assert_unchanged(faq, category)


@pytest.mark.parametrize("number", range(6))
def test_stranger_changes_nothing(faq: Faq, stranger: Membership, number: int) -> None:
    category = create_category(by=SystemPrincipal(faq.organization_id), name="Delivery")
    url, given = writes(faq, category)[number]
    reply = browser(stranger).post(url, given)
    if number not in {0, 3}:  # those two make something of the stranger's own
        assert reply.status_code == 404
    assert_unchanged(faq, category)


def assert_unchanged(faq: Faq, category: FaqCategory) -> None:
    faq.refresh_from_db()
    category.refresh_from_db()
    assert (faq.version, faq.is_published, faq.deleted_at) == (1, True, None)
    assert category.name == "Delivery"
    assert Faq.objects.of(faq.organization_id).count() == 6
    assert FaqCategory.objects.of(faq.organization_id).count() == 1


def test_stranger_sees_no_page_of_it(faq: Faq, stranger: Membership) -> None:
    client = browser(stranger)
    for name in ("page", "index_state"):
        assert client.get(reverse(f"knowledge:{name}", args=[faq.pk])).status_code == 404


def test_bot_can_be_asked(knowledge: Organization, viewer: Membership) -> None:
    reply = browser(viewer).post(
        "/app/knowledge/ask/", {"question": "How much is the shipping to Russia?"}
    )
    assert b"Shipping to Russia is RUB 790." in reply.content
    assert b"<meter" in reply.content
    unknown = browser(viewer).post("/app/knowledge/ask/", {"question": "Who won the match?"})
    assert b"The bot does not know" in unknown.content
    empty = browser(viewer).post("/app/knowledge/ask/", {"question": " "})
    assert b"field-error" in empty.content


def test_index_state_says_when_it_can_be_found(faq: Faq, agent: Membership) -> None:
    url = reverse("knowledge:index_state", args=[faq.pk])
    assert b"The bot knows it" in browser(agent).get(url).content
    Faq.objects.filter(pk=faq.pk).update(version=2)
    assert b"Not yet searchable" in browser(agent).get(url).content


def test_categories_are_added_renamed_and_removed(faq: Faq, owner: Membership) -> None:
    client = browser(owner)
    client.post("/app/knowledge/categories/", {"name": "Giao hàng"})
    category = FaqCategory.objects.get()
    assert category.slug == "giao-hang"
    Faq.objects.filter(pk=faq.pk).update(category=category)
    page = client.get("/app/knowledge/categories/")
    assert [one.total for one in page.context["categories"]] == [1]
    sent = {"name": "Ship", "_version": category.version}
    client.post(reverse("knowledge:rename_category", args=[category.pk]), sent)
    category.refresh_from_db()
    assert category.name == "Ship"
    long = "A name that somebody thought about for a long time. " * 3
    rename = reverse("knowledge:rename_category", args=[category.pk])
    told = client.post(rename, {"name": long}, follow=True)
    assert long.strip() in told.content.decode()
    client.post(rename, {"name": ""})
    category.refresh_from_db()
    assert category.name == "Ship"
    client.post(reverse("knowledge:delete_category", args=[category.pk]))
    faq.refresh_from_db()
    assert (faq.category_id, FaqCategory.objects.count()) == (None, 0)


def test_category_is_called_as_its_reader_says(faq: Faq, owner: Membership) -> None:
    category = create_category(
        by=SystemPrincipal(faq.organization_id), name="Delivery", names={"vi": "Giao hàng"}
    )
    Faq.objects.filter(pk=faq.pk).update(category=category)
    page = browser(owner, **{"Accept-Language": "vi"}).get(LIST).content.decode()
    assert '<span class="record-tag">Giao hàng</span>' in page
    assert f'["{category.pk}", "Giao h\\u00e0ng"]' in page


# --- The public page -----------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_published_faq_is_public_in_its_language(knowledge: Organization, language: str) -> None:
    faq = Faq.objects.get(organization=knowledge, key="delivery", language_code=language)
    reply = Client().get(faq.get_absolute_url())
    page = reply.content.decode()
    assert reply.status_code == 200
    assert reply["Content-Language"] == language
    assert f'<html lang="{language}">' in page
    assert faq.question in page
    assert faq.answer in page
    for other in Faq.objects.of(knowledge.pk).with_key("delivery"):
        assert f'href="{other.get_absolute_url()}"' in page
    assert "<script" not in page
    assert "style=" not in page


def test_public_page_needs_three_queries(
    faq: Faq, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # The FAQ, its versions, and the look; a FAQ without a category has no related ones.
    with django_assert_num_queries(3):
        Client().get(faq.get_absolute_url())


@pytest.mark.parametrize("why", ["hidden", "deleted", "inactive", "unknown"])
def test_what_is_not_public_is_not_there(faq: Faq, why: str) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(faq.organization_id), "faq_id": faq.pk}
    url = faq.get_absolute_url()
    if why == "hidden":
        set_published(**ids, is_published=False)
    elif why == "deleted":
        delete_faq(**ids)
    elif why == "inactive":
        Organization.objects.filter(pk=faq.organization_id).update(is_active=False)
    else:
        url = reverse("knowledge:public_faq", args=[uuid7()])
    assert Client().get(url).status_code == 404


def test_answer_is_text_not_markup(faq: Faq) -> None:
    Faq.objects.filter(pk=faq.pk).update(answer="<script>alert(1)</script>")
    page = Client().get(faq.get_absolute_url()).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


# --- The operator's admin ------------------------------------------------------------------------


@pytest.fixture
def operator(owner: Membership) -> Client:
    owner.user.is_staff = owner.user.is_superuser = True
    owner.user.save(update_fields=["is_staff", "is_superuser"])
    return browser(owner)


def test_admin_writes_through_the_services(organization: Organization, operator: Client) -> None:
    given = filled(phrasings="decaf", organization=str(organization.pk))
    assert operator.post("/admin/knowledge/faq/add/", given).status_code == 302
    faq = Faq.objects.get()
    assert (faq.folded_text.splitlines()[0], faq.version) == ("do you have decaf?", 1)
    operator.post(f"/admin/knowledge/faq/{faq.pk}/change/", given | {"answer": "Changed."})
    faq.refresh_from_db()
    assert (faq.answer, faq.version) == ("Changed.", 2)
    operator.post(f"/admin/knowledge/faq/{faq.pk}/delete/", {"post": "yes"})
    faq.refresh_from_db()
    assert faq.deleted_at is not None
    assert KnowledgeBase.objects.get(organization=organization).version == 3


def test_admin_refuses_a_taken_key(faq: Faq, operator: Client) -> None:
    given = filled(phrasings="", organization=str(faq.organization_id), key=faq.key)
    reply = operator.post("/admin/knowledge/faq/add/", given)
    assert reply.status_code == 200
    assert Faq.objects.of(faq.organization_id).count() == 6


def test_admin_list_is_bounded(
    knowledge: Organization,
    operator: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    operator.get("/admin/knowledge/faq/")
    with django_assert_max_num_queries(8):
        assert operator.get("/admin/knowledge/faq/?q=shipping").status_code == 200
    assert operator.get("/admin/knowledge/faqcategory/").status_code == 200

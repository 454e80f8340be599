"""Categories are told apart in every language, and what is stored of their names is checked."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import Widget
from crm.core import tenancy
from crm.core.permissions import SystemPrincipal
from crm.core.records import get_record
from crm.organizations.models import Membership, User
from knowledge.errors import CategoryNameTaken
from knowledge.models import Faq, FaqCategory
from knowledge.services import create_category, rename_category
from tests.api.conftest import Api, api
from tests.conftest import PASSWORD
from tests.transfer.files import import_file

__all__ = ["api"]
NO_NAMES = ["[]", "[1]", "7", '"x"', '{"en": 7}', '{"en": ["x"]}', '{"de": "x"}', "{1}"]
NO_NAMES += [json.dumps({"en": "x" * 101}), '{"en": "a\\u0000"}', '{"en": "a\\ud800"}']
NO_TEXTS = ['{"en": {"title": 7}}', '{"en": {"title": "\\ud800"}}']


@pytest.fixture
def operator(db: None, stores_clean: None) -> Client:
    client = Client()
    client.force_login(
        User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")
    )
    return client


def admin_form(owner: Membership, **given: Any) -> dict[str, Any]:
    return {
        "organization": owner.organization_id,
        "name": "Gifts",
        "names": "{}",
        "slug": "gifts",
        "position": "0",
        **given,
    }


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("Shipping", {"vi": "GIAO\u00a0HÀNG\u200b"}),
        ("giao hàng", {"en": "Shipping", "ru": "Отправка"}),
        ("Shipping", {"ru": "delivery"}),
        ("DELIVERY", {"en": "Shipping", "vi": "Gửi", "ru": "Отправка"}),
    ],
)
def test_category_called_like_another_in_one_language_is_refused(
    api: Api, owner: Membership, name: str, names: dict[str, str]
) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(owner.organization_id)}
    create_category(**ids, name="Delivery", names={"vi": "Giao hàng"})
    other = create_category(**ids, name="Gifts")
    body = {"name": name, "names": names}
    answer = api.post("/api/v1/knowledge/categories", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "category_name_taken")
    with pytest.raises(CategoryNameTaken):
        rename_category(**ids, category_id=other.pk, name=name, names=names)
    assert sorted(FaqCategory.objects.values_list("name", flat=True)) == ["Delivery", "Gifts"]


def test_a_name_that_is_the_same_in_another_language_stays_its_own(owner: Membership) -> None:
    organization_id = owner.organization_id
    made = create_category(by=SystemPrincipal(organization_id), name="FAQ", names={"ru": "FAQ"})
    rename_category(by=SystemPrincipal(organization_id), category_id=made.pk, name="Questions")
    made.refresh_from_db()
    assert (made.name, made.names) == ("Questions", {"ru": "FAQ"})


def test_names_that_meet_in_no_language_are_two(owner: Membership) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(owner.organization_id)}
    everywhere = {"en": "Returns", "vi": "Trả hàng", "ru": "Возврат"}
    create_category(**ids, name="Back", names=everywhere)
    create_category(**ids, name="Returns", names={"en": "Other", "vi": "Khác", "ru": "Другое"})
    assert FaqCategory.objects.count() == 2


def test_import_knows_a_category_by_its_name_in_any_language(owner: Membership) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(owner.organization_id)}
    delivery = create_category(**ids, name="Delivery", names={"vi": "Giao hàng", "ru": "Доставка"})
    # In Russian this name is another category's than in English.
    goods = create_category(
        **ids, name="Доставка", names={"en": "Goods", "vi": "Hàng hóa", "ru": "Товары"}
    )
    table = "question,answer,category,language\n" + "\n".join(
        f"Q{number}?,A.,{category},{language}"
        for number, (category, language) in enumerate(
            [
                ("GIAO HÀNG", "vi"),
                ("Доставка", "ru"),
                ("Доставка", "en"),
                ("giao hàng", "en"),
                ("Goods", "ru"),
                ("New", "en"),
                ("new", "ru"),
            ]
        )
    )
    import_file(owner, get_record("faqs"), table.encode())
    faqs = Faq.objects.order_by("question")
    new = FaqCategory.objects.get(name="New")
    assert [faq.category_id for faq in faqs] == [
        *[delivery.pk, delivery.pk, goods.pk, delivery.pk, goods.pk],
        *[new.pk, new.pk],
    ]
    assert FaqCategory.objects.count() == 3


@pytest.mark.parametrize("names", NO_NAMES)
def test_operator_stores_no_names_that_are_none(
    operator: Client, owner: Membership, names: str
) -> None:
    category = create_category(by=SystemPrincipal(owner.organization_id), name="Gifts")
    for url in (
        reverse("admin:knowledge_faqcategory_add"),
        reverse("admin:knowledge_faqcategory_change", args=[category.pk]),
    ):
        answer = operator.post(url, admin_form(owner, name="Other", slug="other", names=names))
        assert answer.status_code == 200
        assert "names" in answer.context["adminform"].form.errors
    assert FaqCategory.objects.get().names == {}


@pytest.mark.parametrize("names", ["", "null", "{}"])
def test_operator_may_leave_the_names_out(operator: Client, owner: Membership, names: str) -> None:
    answer = operator.post(
        reverse("admin:knowledge_faqcategory_add"), admin_form(owner, names=names)
    )
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert FaqCategory.objects.get().names == {}


def test_operator_calls_no_category_like_another(operator: Client, owner: Membership) -> None:
    create_category(
        by=SystemPrincipal(owner.organization_id), name="Delivery", names={"vi": "Giao"}
    )
    url = reverse("admin:knowledge_faqcategory_add")
    for given in ({"name": "DELIVERY"}, {"names": '{"vi": " giao "}'}):
        answer = operator.post(url, admin_form(owner, **given))
        assert "name" in answer.context["adminform"].form.errors
    assert FaqCategory.objects.count() == 1


@pytest.mark.parametrize(
    "texts", [*NO_NAMES, '{"en": {"title": 7}}', '{"en": {"title": "\\ud800"}}']
)
def test_operator_stores_no_texts_that_are_none(
    operator: Client, widget: Widget, texts: str
) -> None:
    before = widget.texts
    form = {
        "organization": widget.organization_id,
        "name": "Renamed",
        "allowed_domains": "shop.example",
        "color": "#8a4b2a",
        "position": "right",
        "texts": texts,
    }
    answer = operator.post(reverse("admin:chat_widget_change", args=[widget.pk]), form)
    assert answer.status_code == 200
    assert "texts" in answer.context["adminform"].form.errors
    widget.refresh_from_db()
    assert widget.texts == before


@pytest.mark.parametrize("stored", [[], [1], 7, "x", {"en": 7, "vi": []}])
def test_pages_show_what_was_stored_before_it_was_checked(
    client: Client, owner: Membership, widget: Widget, stored: Any
) -> None:
    category = create_category(by=SystemPrincipal(owner.organization_id), name="Gifts")
    with tenancy.organization(owner.organization_id):
        FaqCategory.objects.filter(pk=category.pk).update(names=stored)
        Widget.objects.filter(pk=widget.pk).update(texts=stored)
    client.force_login(owner.user)
    for url in (
        reverse("knowledge:categories"),
        reverse("knowledge:list"),
        reverse("knowledge:help_home", args=[owner.organization.slug, "en"]),
        reverse("chat:edit_widget", args=[widget.pk]),
    ):
        assert client.get(url).status_code == 200, url

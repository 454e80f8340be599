"""The public help pages: a home with search and categories, in the organization's own look."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import Widget
from crm.core.colors import TEXT_CONTRAST, contrast, readable_on
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Membership, Organization
from knowledge import embedding, help_center
from knowledge.models import Faq, FaqCategory
from knowledge.services import (
    FaqContent,
    create_category,
    create_faq,
    delete_faq,
    set_published,
)
from tests.forms.browsers import forms_of
from tests.outages import without_qdrant
from tests.patience import PATIENCE


@pytest.fixture
def helpful(organization: Organization, owner: Membership) -> Organization:
    """An organization with two categories and FAQs in English and Vietnamese."""
    delivery = create_category(
        by=SystemPrincipal(organization.pk), name="Delivery", names={"vi": "Giao hàng"}, position=1
    )
    gifts = create_category(by=SystemPrincipal(organization.pk), name="Gifts", position=2)

    def write(key: str, language: str, question: str, category: FaqCategory | None) -> Faq:
        return create_faq(
            content=FaqContent(
                question=question,
                answer=f"Answer of {key}.",
                language_code=language,
                key=key,
                category_id=category.pk if category else None,
            ),
            by=owner,
        )

    write("time", "en", "How long does delivery take?", delivery)
    write("cost", "en", "What does delivery cost?", delivery)
    write("hours", "en", "When are you open?", None)
    write("wrap", "en", "Do you wrap gifts?", gifts)
    write("time", "vi", "Giao hàng mất bao lâu?", delivery)
    return organization


def home(organization: Organization, language: str = "en", **query: str) -> Any:
    address = reverse("knowledge:help_home", args=[organization.slug, language])
    return Client().get(address, query)


def test_owner_names_a_category_in_every_language(helpful: Organization, owner: Membership) -> None:
    client = Client()
    client.force_login(owner.user)
    gifts = FaqCategory.objects.get(name="Gifts")
    Faq.objects.filter(key="time", language_code="vi").update(category=gifts)
    page = reverse("knowledge:categories")
    sent = next(
        form["fields"]
        for form in forms_of(client.get(page))
        if form["fields"].get("name") == ["Gifts"]
    )
    assert {name: sent[name] for name in sent if name.startswith("name-")} == {
        "name-en": [""],
        "name-vi": [""],
        "name-ru": [""],
    }
    rename = reverse("knowledge:rename_category", args=[gifts.pk])
    client.post(rename, sent | {"name-vi": " Quà tặng ", "name-ru": "Подарки"})
    gifts.refresh_from_db()
    assert gifts.names == {"vi": "Quà tặng", "ru": "Подарки"}
    assert "Quà tặng" in home(helpful, "vi").content.decode()
    assert "Gifts" in home(helpful, "en").content.decode()
    shown = client.get(page).content.decode()
    assert 'value="Quà tặng"' in shown
    # A stale form overwrites nothing, and shows what both wrote.
    refused = client.post(rename, sent | {"name-vi": "Quà"})
    assert refused.status_code == 409
    assert 'value="Quà"' in refused.content.decode()
    assert "Quà tặng" in refused.content.decode()
    gifts.refresh_from_db()
    assert gifts.names["vi"] == "Quà tặng"
    fresh = {"name": "Presents", "name-vi": "", "name-ru": "Presents"}
    fresh["_version"] = str(gifts.version)
    client.post(rename, fresh)
    gifts.refresh_from_db()
    assert (gifts.name, gifts.names) == ("Presents", {"ru": "Presents"})
    assert "Presents" in home(helpful, "vi").content.decode()


def test_new_category_has_its_names_at_once(helpful: Organization, owner: Membership) -> None:
    client = Client()
    client.force_login(owner.user)
    client.post(reverse("knowledge:categories"), {"name": "Tea", "name-ru": "Чай"})
    assert FaqCategory.objects.get(name="Tea").names == {"ru": "Чай"}
    long = client.post(reverse("knowledge:categories"), {"name": "Milk", "name-ru": "м" * 101})
    assert long.status_code == 422
    assert not FaqCategory.objects.filter(name="Milk").exists()


def test_a_large_category_hides_no_question_of_another(
    helpful: Organization, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(help_center, "MAX_SHOWN", 2)
    many = create_category(by=SystemPrincipal(helpful.pk), name="Accounts", position=0)
    for category, start in ((many, "A"), (None, "B")):
        contents = [
            FaqContent(
                question=f"{start}{number:02}?",
                answer="A.",
                language_code="en",
                category_id=category.pk if category else None,
            )
            for number in range(21)
        ]
        for content in contents:
            create_faq(content=content, by=owner)
    shown = [
        (section.name, section.count, [faq.question for faq in section.faqs], section.more)
        for section in home(helpful).context["sections"]
    ]
    assert shown == [
        ("Accounts", 21, ["A00?", "A01?", "A02?", "A03?", "A04?", "A05?"], 15),
        ("Delivery", 2, ["How long does delivery take?", "What does delivery cost?"], 0),
        ("Gifts", 1, ["Do you wrap gifts?"], 0),
        ("", 22, ["B00?", "B01?"], 20),
    ]


def test_home_shows_categories_with_counts_and_questions(helpful: Organization) -> None:
    page = home(helpful)
    body = page.content.decode()
    assert page.status_code == 200
    assert [(each.name, each.count) for each in page.context["sections"]] == [
        ("Delivery", 2),
        ("Gifts", 1),
        ("", 1),
    ]
    assert "How long does delivery take?" in body
    assert "Giao hàng mất bao lâu?" not in body
    assert '<link rel="canonical" href="http://testserver/help/sunbean/en/">' in body
    assert 'hreflang="vi" href="http://testserver/help/sunbean/vi/"' in body
    assert "noindex" not in body
    assert "<script" not in body
    assert "style=" not in body
    vietnamese = home(helpful, "vi")
    assert vietnamese["Content-Language"] == "vi"
    assert "Giao hàng" in vietnamese.content.decode()
    assert "Chúng tôi có thể giúp gì" in vietnamese.content.decode()


def test_home_leads_to_the_readers_language_as_far_as_it_is_there(helpful: Organization) -> None:
    address = reverse("knowledge:help", args=[helpful.slug])
    for wanted, given in (("vi", "vi"), ("ru", "en"), ("en-GB", "en")):
        answer = Client(headers={"accept-language": wanted}).get(address)
        assert answer["Location"] == f"/help/sunbean/{given}/"
        assert "Accept-Language" in answer["Vary"]


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("vi", "giao hang", ["Giao hàng mất bao lâu?"]),
        ("vi", "GIAO HÀNG bao lâu", ["Giao hàng mất bao lâu?"]),
        ("en", "delivery cost", ["What does delivery cost?"]),
        ("en", "dragon", []),
        ("en", "%", []),
    ],
)
def test_search_finds_with_and_without_marks(
    helpful: Organization, language: str, text: str, found: list[str]
) -> None:
    page = home(helpful, language, q=text)
    assert [faq.question for faq in page.context["found"]] == found
    assert "noindex" in page.content.decode()


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "shiping to rusia", "How much is shipping to Russia?"),
        ("en", "shiping", "How much is shipping to Russia?"),
        ("en", "ship", "How much is shipping to Russia?"),
        ("en", "openning hour", "What are your opening hours?"),
        ("vi", "phi giao hang sang nga", "Giao hàng sang Nga phí bao nhiêu?"),
        ("ru", "доставку", "Сколько стоит доставка в Россию?"),
        ("ru", "дотсавка", "Сколько стоит доставка в Россию?"),
        ("ru", "доста", "Сколько стоит доставка в Россию?"),
        ("ru", "во сколько вы открыты", "В какие часы вы работаете?"),
    ],
)
def test_search_finds_what_the_bot_finds(
    knowledge: Organization, language: str, text: str, found: str
) -> None:
    assert [faq.question for faq in home(knowledge, language, q=text).context["found"]] == [found]


def test_search_finds_words_where_the_index_is_away(knowledge: Organization) -> None:
    with without_qdrant():
        found = home(knowledge, q="opening").context["found"]
    assert [faq.question for faq in found] == ["What are your opening hours?"]


def test_search_of_nothing_known_finds_nothing(knowledge: Organization) -> None:
    assert home(knowledge, q="dragon football").context["found"] == []


def test_search_shows_questions_that_hold_the_words_first(
    helpful: Organization, owner: Membership
) -> None:
    content = FaqContent(question="A parcel?", answer="We wrap it.", language_code="en")
    create_faq(content=content, by=owner)
    found = home(helpful, q="wrap").context["found"]
    assert [faq.question for faq in found] == ["Do you wrap gifts?", "A parcel?"]


def test_languages_stand_in_one_order_on_home_and_on_faqs(
    helpful: Organization, owner: Membership
) -> None:
    content = FaqContent(question="Сколько?", answer="День.", language_code="ru", key="time")
    create_faq(content=content, by=owner)
    faq = Faq.objects.get(key="time", language_code="en")
    for page in (home(helpful), Client().get(faq.get_absolute_url())):
        assert [each["language"] for each in page.context["versions"]] == ["en", "vi", "ru"]


def test_one_category_is_shown_whole(helpful: Organization) -> None:
    slug = FaqCategory.objects.get(name="Delivery").slug
    page = home(helpful, category=slug)
    assert [each.name for each in page.context["sections"]] == ["Delivery"]
    assert f'<link rel="canonical" href="http://testserver/help/sunbean/en/?category={slug}">' in (
        page.content.decode()
    )
    assert home(helpful, category="none").status_code == 404


def test_hidden_and_deleted_faqs_never_appear(helpful: Organization) -> None:
    ids: dict[str, Any] = {"by": SystemPrincipal(helpful.pk)}
    set_published(**ids, faq_id=Faq.objects.get(key="cost").pk, is_published=False)
    delete_faq(**ids, faq_id=Faq.objects.get(key="wrap").pk)
    page = home(helpful)
    assert [(each.name, each.count) for each in page.context["sections"]] == [
        ("Delivery", 1),
        ("", 1),
    ]
    for text in ("cost", "wrap"):
        assert home(helpful, q=text).context["found"] == []
    other = Client().get(Faq.objects.get(key="time", language_code="en").get_absolute_url())
    assert other.context["related"] == []


def test_faq_leads_to_related_ones_its_category_and_home(helpful: Organization) -> None:
    faq = Faq.objects.get(key="time", language_code="en")
    page = Client().get(faq.get_absolute_url())
    body = page.content.decode()
    assert [each.question for each in page.context["related"]] == ["What does delivery cost?"]
    assert 'href="/help/sunbean/en/"' in body
    assert "?category=delivery" in body


def test_pages_wear_the_widgets_look_and_lead_back_to_the_site(
    helpful: Organization, widget: Widget
) -> None:
    assert "Back to" in home(helpful).content.decode()
    Widget.objects.update(
        color="#ffd166",
        allowed_domains=["*.shop.example", "localhost", "xn--e1ajmy.xn--p1ai"],
        texts={"en": {"title": "Sunbean Coffee"}},
    )
    body = home(helpful).content.decode()
    assert '<a href="https://xn--e1ajmy.xn--p1ai">Back to кофе.рф</a>' in body
    assert ">Sunbean Coffee</a>" in body
    styles = Client().get(reverse("knowledge:help_brand", args=[helpful.slug]))
    assert styles["Content-Type"].startswith("text/css")
    text = styles.content.decode()
    assert "--brand:#ffd166;--brand-ink:#000000" in text
    light, dark = re.findall(r"--accent:(#[0-9a-f]{6})", text)
    assert contrast(light, "#ffffff") >= TEXT_CONTRAST
    assert contrast(dark, "#1a1922") >= TEXT_CONTRAST
    Widget.objects.update(allowed_domains=["localhost", "*.shop.example"])
    assert "Back to" not in home(helpful).content.decode()


@pytest.mark.parametrize("color", ["#000000", "#ffffff", "#ffee00", "#8a4b2a", "#0000ff"])
@pytest.mark.parametrize("background", ["#ffffff", "#1a1922"])
def test_every_colour_has_a_tone_that_can_be_read(color: str, background: str) -> None:
    assert contrast(readable_on(color, background), background) >= TEXT_CONTRAST


def test_a_home_without_answers_is_not_for_search_engines(organization: Organization) -> None:
    page = home(organization)
    assert page.status_code == 200
    assert "There are no answers here yet." in page.content.decode()
    assert "noindex" in page.content.decode()
    Organization.objects.update(is_active=False)
    assert home(organization).status_code == 404


@pytest.mark.parametrize(
    "path", ["/help/nobody/", "/help/nobody/en/", "/help/sunbean/de/", "/help/nobody/brand.css"]
)
def test_what_is_not_there_is_not_found(helpful: Organization, path: str) -> None:
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize("query", [{"q": "a\x00b"}, {"q": "x" * 5000}, {"category": "\x00"}])
def test_strange_queries_are_answered(helpful: Organization, query: dict[str, str]) -> None:
    assert home(helpful, **query).status_code in {200, 404}


def test_search_that_turns_its_sentence_is_shown_without_that(helpful: Organization) -> None:
    page = home(helpful, q="\u202eабв\u2066 שלום\u200f").content.decode()
    assert not set("\u202e\u2066\u200f") & set(page)
    assert "for “<bdi>абв שלום</bdi>”" in page
    assert "<title>\u2068абв שלום\u2069 ·" in page


def test_home_needs_few_queries(helpful: Organization, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(5):
        home(helpful)
    with django_assert_num_queries(4):
        home(helpful, q="delivery")


def test_pages_are_held_up_for_who_asks_too_often(helpful: Organization, settings: Any) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "help_page.address": "2/60"}
    assert [home(helpful).status_code for _time in range(3)] == [200, 200, 429]


def test_searches_wait_a_moment_for_each_other_and_then_find_by_words(
    helpful: Organization, settings: Any
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "help_search.address": "2/60"}
    assert embedding._using.acquire(timeout=PATIENCE)
    try:
        found = home(helpful, q="delivery")
    finally:
        embedding._using.release()
    assert found.context["found"]
    assert [home(helpful, q="delivery").status_code for _time in range(2)] == [200, 429]
    assert home(helpful).status_code == 200

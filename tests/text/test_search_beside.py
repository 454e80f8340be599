"""What people copy along with a number or an address, and how they write signs and compounds."""

from typing import Any

import pytest
from django.test import Client

from chat.models import Widget
from chat.services import open_conversation
from crm.core.permissions import SystemPrincipal
from crm.core.text.folding import (
    joined_words,
    search_key,
    search_terms,
    search_words,
)
from crm.core.text.phones import normalize_phone
from crm.customers.models import Customer
from crm.customers.search import MAX_WORDS, searched_words
from crm.organizations.models import Membership, Organization
from knowledge.models import Faq
from knowledge.services import create_faqs
from tests.api.conftest import Api, api

__all__ = ["api"]
PASTED = [
    "0977654321,",
    '"0977654321"',
    "«0977654321»",
    "[0977654321]",
    "(0977654321)",
    "0977 654 321 !",
    "0977654321?",
    "0977654321;",
    "#0977654321",
    "№0977654321",
    "☎ 0977654321",
    "☎️0977654321",
    "📞0977654321",
    "📱 +84 977 654 321 ✓",
    "*0977654321*",
    "_0977654321_",
    "SĐT: 0977654321",
    "SĐT 0977654321;",
    "SĐT: 📞0977 654 321.",
    "ĐT: 0977654321",
    "ĐT: (0977) 654-321",
    "тел. 0977654321,",
    "Тел.: «0977654321»",
    "tel:0977654321",
    "tel:+84-977-654-321;",
    "phone: 0977 654 321",
    "Phone number - 0977654321",
    "0977654321 (Zalo)",
    "Liên hệ: 0977654321",
    "https://zalo.me/0977654321",
    "zalo.me/0977654321/",
    "https://wa.me/84977654321",
    "https://wa.me/84977654321?text=Hi%20there",
    "https://api.whatsapp.com/send?phone=84977654321",
    "https://api.whatsapp.com/send/?phone=84977654321&text=Hi",
    "viber://chat?number=%2B84977654321",
    "https://t.me/+84977654321",
    "84977654321@c.us",
    "84977654321@s.whatsapp.net",
    "Mai, 0977654321 !",
    "★ 0977654321",
    "mailto:mai@shop.example",
    "MAILTO:Mai@shop.example?subject=Hi",
    "email: mai@shop.example",
    "E-mail: <mai@shop.example>,",
    "Почта: mai@shop.example",
    "Email mai@shop.example",
]


@pytest.fixture
def mai(organization: Organization, widget: Widget) -> Customer:
    others = {"Lan": "+84 90 765 43 21", "Thu": "0977 654 322"}
    for name, phone in others.items():
        Customer.objects.create(organization=organization, name=name, phone=phone)
    mai = Customer.objects.create(
        organization=organization, name="Mai", phone="+84 977 654 321", email="mai@shop.example"
    )
    open_conversation(
        organization_id=organization.pk,
        customer_id=mai.pk,
        widget=widget,
        language_code="en",
        content={"type": "text", "text": "Hi"},
        client_message_id="m-1",
    )
    return mai


@pytest.mark.parametrize("typed", PASTED)
def test_what_stands_beside_a_number_or_an_address_keeps_nobody_from_being_found(
    mai: Customer, typed: str
) -> None:
    assert list(Customer.objects.all().named_like(typed)) == [mai]


def test_a_pasted_number_is_found_in_list_palette_inbox_and_api(api: Api, mai: Customer) -> None:
    for typed in ("«0977654321»,", "SĐT 0977654321;", "https://zalo.me/0977654321"):
        for path, rows, name in (
            ("customers", "results", lambda row: row["name"]),
            ("inbox/conversations", "rows", lambda row: row["customer"]["name"]),
        ):
            found = api.get(f"/api/v1/{path}", {"search": typed}).json()[rows]
            assert [name(row) for row in found] == ["Mai"], (path, typed)
        for page in ("/app/customers/", "/app/search/"):
            shown = api.client.get(page, {"q": typed}).content.decode()
            assert ("Mai" in shown, "Thu" in shown) == (True, False), (page, typed)


def test_one_letter_is_a_search_everywhere(api: Api, mai: Customer) -> None:
    mai.name = "李 Mai"
    mai.save()
    rows = api.get("/api/v1/customers", {"search": "李"}).json()["results"]
    assert [row["name"] for row in rows] == ["李 Mai"]
    rows = api.get("/api/v1/inbox/conversations", {"search": "李"}).json()["rows"]
    assert [row["customer"]["name"] for row in rows] == ["李 Mai"]
    sent = {"action": "language", "language": "vi", "search": "李"}
    assert api.post("/api/v1/customers/bulk", sent).status_code == 202


def test_signs_asked_for_alone_find_a_name_of_signs(organization: Organization) -> None:
    for name in ("★", "€ ★", "Sao 24"):
        Customer.objects.create(organization=organization, name=name)

    def found(text: str) -> list[str]:
        return sorted(each.name for each in Customer.objects.all().named_like(text))

    assert found("★") == ["€ ★", "★"]
    assert found("★ €") == ["€ ★"]
    assert found("sao ★") == found("24 ★") == ["Sao 24"]


SIGNED = {
    "Лицей №57": ["лицей 57", "лицей № 57", "лицей №57", "57", "№57", "лицей"],
    "Аптека № 84": ["аптека №84", "аптека 84", "84"],
    "Nhà hàng ™Sen": ["sen", "nha hang sen", "sen™", "™sen"],
    "Biển™Xanh": ["bien xanh", "xanh"],
    "Кафе ①②": ["кафе 1", "2"],
    "Calle 5ª": ["calle 5"],
    "Ⓐⓝⓝⓐ": ["anna"],
    "Size 5½": ["size 5"],
    "Căn 30 m²": ["30 m2", "m²"],
}


@pytest.mark.parametrize(
    ("stored", "typed"), [(stored, typed) for stored, asked in SIGNED.items() for typed in asked]
)
def test_a_sign_ends_a_word_in_every_search(
    api: Api, organization: Organization, agent: Membership, stored: str, typed: str
) -> None:
    Customer.objects.create(organization=organization, name=stored)
    agent.user.name = stored
    agent.user.save()
    row = {"language_code": "ru", "question": stored, "answer": "-"}
    create_faqs(by=SystemPrincipal(organization.pk), rows=[row])
    assert [each.name for each in Customer.objects.all().named_like(typed)] == [stored]
    assert [each.user.name for each in Membership.objects.all().named_like(typed)] == [stored]
    assert [each.question for each in Faq.objects.all().mentioning(typed)] == [stored]


EXTENDED = [
    "+7 495 123-45-67 доб. 12",
    "+7 495 123-45-67, доб.12",
    "+7 495 123-45-67 (доб. 12)",
    "+7 495 123-45-67 вн. 12",
    "+7 495 123-45-67 ext. 12",
    "+7 495 123-45-67 ext12",
    "+7 495 123-45-67;ext=12",
    "+7 495 123-45-67 Extension: 12",
    "+7 495 123-45-67 x12",
    "+7 495 123-45-67 #12",
    "+7 495 123-45-67#12",
    "+7 495 123-45-67 máy lẻ 12",
    "+7 495 123-45-67 may le: 12",
    "+7 495 123-45-67 số lẻ 12",
]


@pytest.mark.parametrize("typed", EXTENDED)
def test_a_number_with_an_extension_is_taken_and_found(api: Api, typed: str) -> None:
    stored = "+7 495 123-45-67 ext. 12"
    made = api.post("/api/v1/customers", {"name": "Anna", "phone": typed})
    assert (made.status_code, made.json().get("phone")) == (201, stored)
    assert normalize_phone(stored) == stored
    for asked in (typed, f"тел. {typed}", "8 495 123 45 67", "+74951234567", "74951234567 доб. 9"):
        assert [each.name for each in Customer.objects.all().named_like(asked)] == ["Anna"], asked
    page = api.client.get(f"/app/customers/{made.json()['id']}/").content.decode()
    assert 'href="tel:+74951234567;ext=12"' in page


@pytest.mark.parametrize("typed", ["ext. 12", "доб. 12", "0977654321 доб. Анна", "0977 ext. 5 6"])
def test_an_extension_without_number_or_digits_is_refused(api: Api, typed: str) -> None:
    assert api.post("/api/v1/customers", {"name": "Anna", "phone": typed}).status_code == 400


def test_a_text_of_such_signs_alone_has_a_key() -> None:
    assert [search_key(sign) for sign in ("№", "™", "№ ™")] == ["no", "tm", "no tm"]
    assert search_words("№57, ™Sen") == ["57", "sen"]


COMPOUNDS = {
    "Wi-Fi cafe": ["wifi", "wi-fi", "Wi\u2011Fi", "wi fi", "fi", "WiF"],
    "Wifi cafe": ["wifi", "wi-fi", "Wi\u2013Fi"],
    "T-Mobile": ["tmobile", "t-mobile", "mobile"],
    "E-mail marketing": ["email", "e-mail", "mail"],
    "Email marketing": ["email", "e-mail"],
    "Jane Smith-O'Neill": ["oneill", "O’Neill", "smith", "smithoneill", "smith-oneill", "neill"],
    "Jane ONeill": ["o'neill", "oneill"],
    "Pat O'Brien": ["obrien", "o'brien", "brien"],
    "Анна-Мария": ["аннамария", "анна-мария", "мария"],
}


@pytest.mark.parametrize(
    ("stored", "typed"), [(stored, typed) for stored, asked in COMPOUNDS.items() for typed in asked]
)
def test_a_compound_is_found_with_and_without_its_sign(
    api: Api, organization: Organization, agent: Membership, stored: str, typed: str
) -> None:
    Customer.objects.create(organization=organization, name=stored)
    Customer.objects.create(organization=organization, name="Wisteria & Tom")
    agent.user.name = stored
    agent.user.save()
    rows = [
        {"language_code": "en", "question": question, "answer": "Yes."}
        for question in (f"About {stored}?", "Gift cards")
    ]
    create_faqs(by=SystemPrincipal(organization.pk), rows=rows)
    assert [each.name for each in Customer.objects.all().named_like(typed)] == [stored]
    assert [each.user.name for each in Membership.objects.all().named_like(typed)] == [stored]
    found = api.get("/api/v1/knowledge/faqs", {"search": typed}).json()["results"]
    assert [row["question"] for row in found] == [f"About {stored}?"]
    for page in ("/app/knowledge/", "/app/search/"):
        shown = api.client.get(page, {"q": typed}).content.decode()
        assert ("About" in shown, "Gift cards" in shown) == (True, False), page


def test_a_compound_of_the_question_stands_before_one_of_the_answer(
    organization: Organization,
) -> None:
    rows = [
        {"language_code": "en", "question": question, "answer": f"{'Long ' * 20}{answer}"}
        for question, answer in (("Anything else?", "Wifi."), ("Is there any Wi-Fi?", "Yes."))
    ]
    create_faqs(by=SystemPrincipal(organization.pk), rows=rows)
    found = Faq.objects.all().mentioning("wifi").earliest_mention_first("wifi")
    assert [faq.question for faq in found] == ["Is there any Wi-Fi?", "Anything else?"]
    assert [faq.question for faq in Faq.objects.all().asked_like(["is there any WI-FI?"])] == [
        "Is there any Wi-Fi?"
    ]


def test_the_help_pages_find_a_compound_without_its_sign(
    client: Client, organization: Organization
) -> None:
    rows = [
        {"language_code": "en", "question": question, "answer": "Yes."}
        for question in ("Is there Wi-Fi?", "Do you know Pat O'Brien?")
    ]
    create_faqs(by=SystemPrincipal(organization.pk), rows=rows)
    for typed, question in (("wifi", "Is there Wi-Fi"), ("obrien", "Do you know Pat")):
        shown = client.get(f"/help/{organization.slug}/en/", {"q": typed}).content.decode()
        assert [each in shown for each in ("Is there Wi-Fi", "Do you know Pat")] == [
            each == question for each in ("Is there Wi-Fi", "Do you know Pat")
        ]


@pytest.mark.parametrize(
    ("key", "joined"),
    [
        ("smith-o'neill and wi-fi", ["smithoneill", "oneill", "wifi"]),
        ("a - b 'c' d- -e", []),
        ("a-b-c-d", ["abcd"]),
    ],
)
def test_joined_words(key: str, joined: list[str]) -> None:
    assert joined_words(key) == joined


def test_joined_words_stay_within_the_bound() -> None:
    names: Any = "-".join(f"w{number}" for number in range(90)), "o'x-" * 60, "a-b " * 60
    for name in names:
        words = searched_words(name=name, email="v.k@shop.example", phone="+84 24 1234 5678")
        assert len(words) <= MAX_WORDS
        assert {"v.k@shop.example", "842412345678"} <= set(words)
    assert search_terms("Wi-Fi o'neill") == [
        ("wi", "wifi"),
        ("fi", "wifi"),
        ("o", "oneill"),
        ("neill", "oneill"),
    ]

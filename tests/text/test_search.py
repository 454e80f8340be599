"""People are found without accents and case, in all three languages, by an index."""

import json
import unicodedata
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from chat.models import Widget
from chat.services import open_conversation
from crm.core import tenancy
from crm.core.database.owner import as_owner
from crm.core.text.folding import search_key
from crm.core.text.phones import normalize_phone
from crm.customers.models import Customer, CustomerWord
from crm.customers.search import searched_words
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api, api

__all__ = ["api"]
CUSTOMERS = "/api/v1/customers"
TOAN = {"name": "Vũ Khánh Toàn", "email": "Toan.Vu@Example.com", "phone": "+84 24 1234-5678"}
LUNYOVA = {"name": "Анна Лунёва", "email": "anna@почта.example"}


def found(api: Api, text: str) -> list[str]:
    answer = api.get(CUSTOMERS, {"search": text})
    assert answer.status_code == 200, answer.content
    return sorted(row["name"] for row in answer.json()["results"])


@pytest.fixture
def people(api: Api) -> None:
    for body in (TOAN, LUNYOVA, {"name": "Đào Thị Ánh"}, {"name": "Ivan O'Brien"}):
        assert api.post(CUSTOMERS, body).status_code == 201


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("vu khanh", "Vũ Khánh Toàn"),
        ("TOÀN vũ", "Vũ Khánh Toàn"),
        (unicodedata.normalize("NFD", "Khánh"), "Vũ Khánh Toàn"),
        ("Vũ\u00a0Khánh\u200b", "Vũ Khánh Toàn"),
        ("toan.vu@ex", "Vũ Khánh Toàn"),
        ("example.com", "Vũ Khánh Toàn"),
        ("@example.com", "Vũ Khánh Toàn"),
        ("842412", "Vũ Khánh Toàn"),
        ("1234 5678", "Vũ Khánh Toàn"),
        ("лунева", "Анна Лунёва"),
        ("ЛУНЁВА", "Анна Лунёва"),
        ("anna@почта.example", "Анна Лунёва"),
        ("dao anh", "Đào Thị Ánh"),
        ("obrien", "Ivan O'Brien"),
        ("brien", "Ivan O'Brien"),
        ("o'brien", "Ivan O'Brien"),
    ],
)
def test_customer_is_found_without_accents_and_case(api: Api, text: str, name: str) -> None:
    assert found(api, text) == [name]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("text", ["vu lunyova", "zz", "''", "%%", "__", "анна toan"])
def test_search_for_nobody_finds_nobody(api: Api, text: str) -> None:
    assert found(api, text) == []


@pytest.mark.usefixtures("people")
def test_customer_is_found_by_exact_address_in_every_spelling(api: Api) -> None:
    for typed in ("ANNA@почта.example", "anna@xn--80a1acny.example", "\u200banna@ПОЧТА.example "):
        rows = api.get(CUSTOMERS, {"email": typed}).json()["results"]
        assert [row["name"] for row in rows] == ["Анна Лунёва"]


def test_changed_customer_is_found_by_the_new_name_alone(api: Api) -> None:
    made = api.post(CUSTOMERS, {"name": "Lê Văn Tám"}).json()
    assert api.patch(f"{CUSTOMERS}/{made['id']}", {"name": "Lê Hùng"}).status_code == 200
    assert (found(api, "tam"), found(api, "hung")) == ([], ["Lê Hùng"])


def test_many_stored_at_once_are_found(api: Api, organization: Organization) -> None:
    Customer.objects.bulk_create(
        Customer(organization=organization, name=f"Nguyễn {number}") for number in range(3)
    )
    assert len(found(api, "nguyen")) == 3


def test_search_of_the_inbox_finds_without_accents(
    api: Api, widget: Widget, organization: Organization
) -> None:
    customer = Customer.objects.create(organization=organization, **TOAN)
    open_conversation(
        organization_id=organization.pk,
        customer_id=customer.pk,
        widget=widget,
        language_code="en",
        content={"type": "text", "text": "Hi"},
        client_message_id="m-1",
    )
    answer = api.get("/api/v1/inbox/conversations", {"search": "khanh toan"}).json()
    rows: list[Any] = answer["rows"]
    assert [row["customer"]["name"] for row in rows] == ["Vũ Khánh Toàn"]


@pytest.mark.parametrize("stored", ["Niall O'Brien", "Niall O’Brien"])
def test_member_is_found_with_either_apostrophe_and_without(
    agent: Membership, colleague: Membership, stored: str
) -> None:
    agent.user.name = stored
    agent.user.save()
    members = Membership.objects.in_organization(agent.organization_id)
    for typed in ("O'Brien", "o’brien", "OBRIEN", "o brien", "brien"):
        assert [each.pk for each in members.named_like(typed)] == [agent.pk], typed


def test_member_is_found_without_accents_and_case(
    api: Api, agent: Membership, colleague: Membership
) -> None:
    agent.user.name = "Trần Thị Hồng"
    agent.user.save(update_fields=["name"])
    page = api.client.get("/app/settings/members/", {"q": "tran HONG"}).content.decode()
    assert "Trần Thị Hồng" in page
    assert str(colleague.user.name) not in page


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        (stored, typed)
        for stored in ("+84901234567", "+84 (0)90 123-45-67", "0084 90 1234567", "090 123 4567")
        for typed in ("+84 90 123 45 67", "+84901234567", "0901234567", "090 123 45")
    ]
    + [
        ("+84901234567", "(090) 123-4567"),
        ("+84901234567", "84 90 123"),
        ("+84901234567", "+84 (0)90 123 45 67"),
        ("+84901234567", "0084901234567"),
        ("+84901234567", "90 123 45 67"),
        ("+7 912 345-67-89", "8 (912) 345-67-89"),
        ("+1 (212) 555-0100", "212-555-0100"),
    ],
)
def test_phone_number_is_found_as_it_is_written(
    api: Api, widget: Widget, organization: Organization, stored: str, typed: str
) -> None:
    customer = Customer.objects.create(organization=organization, name="Mai", phone=stored)
    Customer.objects.create(organization=organization, name="Other", phone="+84 90 765 43 21")
    assert found(api, typed) == ["Mai"]
    open_conversation(
        organization_id=organization.pk,
        customer_id=customer.pk,
        widget=widget,
        language_code="en",
        content={"type": "text", "text": "Hi"},
        client_message_id="m-1",
    )
    answer = api.get("/api/v1/inbox/conversations", {"search": typed}).json()
    assert [row["customer"]["name"] for row in answer["rows"]] == ["Mai"]


NUMBERS = {
    "89035557788": ["+7 903 555-77-88", "+79035557788", "9035557788", "8903555"],
    "8 (903) 555-77-88": ["+7 903 555-77-88", "79035557788", "tel:+7-903-555-77-88"],
    "9035557788": ["8 903 555 77 88", "+7 (903) 555\u201177\u201188"],
    "+7 (903) 123-45-67": [
        "+7 (903) 123\u201145\u201167",
        "123\u201345\u201367",
        "тел. +7 903 123",
        "Моб.: 8903123",
        "(+7) 903 123-45-67",
    ],
    "тел. 8 903 123\u201345\u201367 доб. 12": ["+79031234567", "8-903-123-45-67", "9031234567"],
    "+84 0905 111 222": ["+84905111222", "0905111222", "+84 0905 111 222", "84905111222"],
    "0901 234 567": ["84901234567", "(+84) 90 123 45 67", "SĐT: +84 901 234 567", "Mai 0901234567"],
    "84901234567": ["+84 90 123", "0901234567", "Điện thoại 0901 234 567"],
    "0905 000 111 / 0901 234 567": ["+84901234567", "+84 905 000 111"],
    "+39 06 1234 5678": ["+39 0612345678", "06 1234 5678"],
}


@pytest.mark.parametrize(
    ("stored", "typed"), [(stored, typed) for stored, asked in NUMBERS.items() for typed in asked]
)
def test_phone_number_is_found_in_every_form(
    organization: Organization, stored: str, typed: str
) -> None:
    Customer.objects.create(organization=organization, name="Mai", phone=stored)
    Customer.objects.create(organization=organization, name="Lan", phone="+7 903 765-43-21")
    Customer.objects.create(organization=organization, name="Mai", phone="+84 90 765 43 21")
    shown = [each.phone for each in Customer.objects.all().named_like(typed)]
    assert shown == [normalize_phone(stored)]


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("+1 (212) 555-0199", "5550199"),
        ("8 (903) 555-77-88", "555-7788"),
        ("8 (903) 555-77-88", "7788"),
        ("+84901234567", "123 45 67"),
        ("+84901234567", "3456"),
    ],
)
def test_part_of_a_phone_number_finds_it(
    organization: Organization, stored: str, typed: str
) -> None:
    Customer.objects.create(organization=organization, name="Mai", phone=stored)
    Customer.objects.create(organization=organization, name="Lan", phone="+7 912 000-11-22")
    assert [each.phone for each in Customer.objects.all().named_like(typed)] == [
        normalize_phone(stored)
    ]


def test_visitor_without_a_name_is_found_by_what_they_are_called(
    api: Api, organization: Organization, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    visitor = Customer.objects.create(organization=organization)
    Customer.objects.create(organization=organization)
    end = visitor.short_id.upper()
    for typed in (f"Visitor {end}", f"khách {end}", f"ПОСЕТИТЕЛЬ {end}", end, end.lower()):
        with django_assert_num_queries(1):
            named = list(Customer.objects.all().named_like(typed))
        assert named == [visitor], typed
    assert found(api, f"Lan {end}") == []
    visitor.name = "Lan"
    visitor.save()
    assert not Customer.objects.all().named_like(end).exists()


@pytest.mark.parametrize(
    ("before", "name"),
    [("Zorba, Anna", "Zorba Anna"), ("Bora Bora", "Bora"), ("x " * 70 + "a", "x " * 70 + "b")],
)
def test_a_name_with_the_same_words_is_filtered_and_sorted_as_it_is_now(
    organization: Organization, before: str, name: str
) -> None:
    customer = Customer.objects.create(organization=organization, name=before)
    customer.name = name
    customer.save(update_fields=["name"])
    assert Customer.objects.get().sort_name == search_key(name)


def test_a_name_in_its_other_spellings_is_filtered_as_one(
    api: Api, organization: Organization
) -> None:
    for name in ("Hóa Thủy", "HOÁ Thuỷ", "Hoà Thuỷ", "Пётр О’Нил", "Петр O'Нил", "ПЕТР О'НИЛ"):
        Customer.objects.create(organization=organization, name=name, stage="customer")

    def named(text: str) -> list[str]:
        where = json.dumps({"all": [{"field": "name", "op": "is", "value": text}]})
        answer = api.get(CUSTOMERS, {"where": where})
        assert answer.status_code == 200, answer.content
        return sorted(row["name"] for row in answer.json()["results"])

    assert named("hoá thủy") == ["HOÁ Thuỷ", "Hóa Thủy"]
    assert named("Hòa thủy") == ["Hoà Thuỷ"]
    assert named("петр о'нил") == ["ПЕТР О'НИЛ", "Пётр О’Нил"]


def test_number_of_somebody_else_finds_nobody(api: Api, organization: Organization) -> None:
    Customer.objects.create(organization=organization, name="Mai", phone="+84901234567")
    for typed in ("+84 90 123 45 68", "+1 90 555 12", "091 123", "123 45 68", "Lan 0901234567"):
        assert found(api, typed) == [], typed


def test_words_of_a_customer_and_of_a_search() -> None:
    words = searched_words(name="Vũ Khánh", email="v.k@shop.example", phone="+84 24")
    assert words == [
        "vu",
        "khanh",
        "v.k@shop.example",
        "v",
        "k",
        "shop",
        "example",
        "shop.example",
        "8424",
        "84",
        "24",
    ]


def test_a_long_name_does_not_push_address_and_number_out() -> None:
    words = searched_words(
        name=" ".join(f"word{number}" for number in range(80)),
        email="v.k@shop.example",
        phone="+84 24 1234 5678",
    )
    assert {"word0", "v.k@shop.example", "842412345678", "02412345678"} <= set(words)


@pytest.mark.django_db(transaction=True)
def test_search_reads_the_index_as_the_applications_role(
    organization: Organization, stranger_organization: Organization
) -> None:
    for each in (organization, stranger_organization):
        Customer.objects.bulk_create(
            Customer(organization=each, name=f"Nguyễn Văn {number:04}") for number in range(400)
        )
    with as_owner() as owner, owner.cursor() as cursor:
        cursor.execute("ANALYZE customers_customer, customers_customerword")
    with tenancy.organization(organization.pk):
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() != ("nextflow_owner",)
        by_number = Customer.objects.of(organization.pk).named_like("+84 90 123 45 67").explain()
        assert "Seq Scan on customers_customerword" not in by_number
        assert "customers_by_search_word" in by_number
        search = Customer.objects.of(organization.pk).named_like("0123 nguyen")
        plan = search.explain()
        assert [each.name for each in search] == ["Nguyễn Văn 0123"]
    # The beginning of a word is a range of the index: what is behind it is never read.
    line = next(line for line in plan.splitlines() if "customers_by_search_word" in line)
    assert "Index" in line, plan
    condition = plan[plan.index(line) :].splitlines()[1]
    assert "Index Cond" in condition, plan
    assert "word" in condition, plan
    assert "organization_id" in condition, plan


def test_search_needs_one_query_of_its_own(
    api: Api, people: None, django_assert_num_queries: DjangoAssertNumQueries, owner: Membership
) -> None:
    with tenancy.organization(owner.organization_id), django_assert_num_queries(1):
        list(Customer.objects.of(owner.organization_id).named_like("vu khanh toan")[:50])


def test_visitor_without_a_name_costs_no_words(api: Api, organization: Organization) -> None:
    Customer.objects.create(organization=organization, language_code="vi")
    assert CustomerWord.objects.count() == 0


def test_operator_finds_people_without_accents(
    owner: Membership, agent: Membership, widget: Widget, settings: Any
) -> None:
    settings.OPERATOR_REQUIRES_MFA = True
    owner.user.is_staff = owner.user.is_superuser = True
    owner.user.save()
    agent.user.name = "Trần Thị Hồng"
    agent.user.save()
    Customer.objects.create(organization=owner.organization, **TOAN)
    Authenticator.objects.create(user=owner.user, type="totp", data={"secret": "x"})
    client = Client()
    client.force_login(owner.user)
    open_conversation(
        organization_id=owner.organization_id,
        customer_id=Customer.objects.get().pk,
        widget=widget,
        language_code="en",
        content={"type": "text", "text": "Hi"},
        client_message_id="m-1",
    )
    for page, text, name in [
        ("/admin/customers/customer/", "024 1234 5678", "Vũ Khánh Toàn"),
        ("/admin/chat/conversation/", "+84 24 12345678", "Vũ Khánh Toàn"),
        ("/admin/chat/conversation/", "khanh toan", "Vũ Khánh Toàn"),
        ("/admin/organizations/user/", "hong TRAN", "Trần Thị Hồng"),
        ("/admin/customers/customer/", "khanh", "Vũ Khánh Toàn"),
    ]:
        answer = client.get(page, {"q": text})
        assert answer.status_code == 200
        assert name in answer.content.decode()


@pytest.mark.usefixtures("people")
def test_search_finds_an_address_by_the_encoded_name_of_its_domain(api: Api) -> None:
    for typed in ("anna@xn--80a1acny.example", "XN--80A1ACNY", "anna@ПОЧТА"):
        assert found(api, typed) == ["Анна Лунёва"], typed


def test_a_key_of_a_domain_is_the_same_in_punycode_and_folded_twice() -> None:
    for typed in ("x@xn--fa-hia.example", "x@faß.example", "X@XN--FA-HIA.example"):
        assert search_key(typed) == search_key(search_key(typed)) == "x@fass.example"

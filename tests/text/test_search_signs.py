"""Punctuation and the kind of dash keep no record from being found, in any search."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from crm.core.permissions import SystemPrincipal
from crm.core.text.folding import identity_key, search_words
from crm.customers.models import Customer
from crm.deals.services import create_deal
from crm.organizations.models import Membership, Organization
from knowledge.models import Faq
from knowledge.services import create_faqs
from tests.api.conftest import Api, api

__all__ = ["api"]
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
QUESTIONS = {
    "Do you deliver on Sundays, with Wi\u2011Fi?": ["wi-fi deliver", "sundays", "deliver"],
    "Вернуть «елку»": ["вернуть ёлку"],
    "Giao hàng tận nơi ở Đà Nẵng": ["giao hàng ở Đà Nẵng"],
}
SIGNS = ["%s?", '"%s"', "%s,", "«%s»!", "(%s)", "%s\u2026", "\u2013 %s", "%s;?", "<%s>."]


@pytest.fixture
def faqs(organization: Organization) -> None:
    rows = [
        {"language_code": "en", "question": question, "answer": "Yes."}
        for question in [*QUESTIONS, "Gift cards"]
    ]
    create_faqs(by=SystemPrincipal(organization.pk), rows=rows)


@pytest.mark.parametrize(
    "sign", ["\u00a8", "\u00af", "\u00b8", "\u02d8", "\u02dc", "\u2017", "\u309b", "\uffe3"]
)
def test_a_sign_alone_is_itself_and_finds_no_others(
    api: Api, organization: Organization, faqs: None, sign: str
) -> None:
    """Of what a dead key writes nothing is left when it is folded: that is no search for all."""
    assert identity_key(sign) != identity_key("\u00b4\u00b8")
    assert search_words(sign) != []
    Customer.objects.create(organization=organization, name="Beans")
    create_deal(by=SystemPrincipal(organization.pk), name="Beans")
    for path in ("customers", "companies", "deals", "knowledge/faqs"):
        assert api.get(f"/api/v1/{path}", {"search": sign}).json()["results"] == [], path


def test_one_name_has_one_dash() -> None:
    assert len({identity_key(f"E{dash}mail") for dash in DASHES}) == 1
    assert identity_key("Email") != identity_key("E-mail")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" @Shop \u200b Ёж,", ["shop", "еж"]),
        ("Анна\u2011Мария", ["анна", "мария"]),
        ("wi\u2013fi? «Deliver»,sundays/mondays", ["wi", "fi", "deliver", "sundays", "mondays"]),
        ("<Agent.Ru@demo.example>, O’Brien", ["agent.ru@demo.example", "o", "brien"]),
        ("€ ?", ["€", "?"]),
        (" \u2014 ", ["-"]),
        ("", []),
        ("a " * 300 + "b", ["a"]),
    ],
)
def test_words_of_a_search(text: str, words: list[str]) -> None:
    assert search_words(text) == words


def test_customer_is_found_whatever_dash_the_name_has(api: Api, organization: Organization) -> None:
    for number, dash in enumerate(DASHES):
        Customer.objects.create(organization=organization, name=f"Анна{dash}Мария {number}")
    for asked in [*(f"анна{dash}мария" for dash in DASHES), "Мария, Анна", "(Анна - Мария)"]:
        rows = api.get("/api/v1/customers", {"search": asked}).json()["results"]
        assert len(rows) == len(DASHES), asked


@pytest.mark.usefixtures("faqs")
@pytest.mark.parametrize("signs", SIGNS)
def test_faq_is_found_whatever_punctuation_is_typed(signs: str) -> None:
    for question, asked in QUESTIONS.items():
        for text in asked:
            found = Faq.objects.all().mentioning(signs % text).earliest_mention_first(text)
            assert [faq.question for faq in found] == [question], signs % text


@pytest.mark.usefixtures("faqs")
@pytest.mark.parametrize("asked", ["wi-fi?", "deliver, sundays", '"Deliver"'])
def test_api_pages_and_help_pages_find_the_same_faqs(
    api: Api, organization: Organization, asked: str
) -> None:
    rows = api.get("/api/v1/knowledge/faqs", {"search": asked}).json()["results"]
    assert [row["question"] for row in rows] == [next(iter(QUESTIONS))]
    for page in ("/app/knowledge/", f"/help/{organization.slug}/en/"):
        shown = api.client.get(page, {"q": asked}).content.decode()
        assert ("on Sundays" in shown, "Gift cards" in shown) == (True, False), page


@pytest.mark.usefixtures("faqs")
def test_search_that_is_too_long_is_cut_off_everywhere(
    api: Api, organization: Organization, agent: Membership, colleague: Membership
) -> None:
    asked = "deliver sundays" + " deliver" * 60 + " \x00" + "x" * 900
    for page in ("/app/knowledge/", f"/help/{organization.slug}/en/"):
        shown = api.client.get(page, {"q": asked}).content.decode()
        assert ("on Sundays" in shown, "Gift cards" in shown) == (True, False), page
    members = api.client.get("/app/settings/members/", {"q": f"{agent.user.email} " * 60})
    assert [member.user for member in members.context["members"]] == [agent.user]
    for path in ("customers", "knowledge/faqs", "inbox/conversations"):
        assert api.get(f"/api/v1/{path}", {"search": "x" * 200}).status_code == 200, path
        answer = api.get(f"/api/v1/{path}", {"search": "x" * 201})
        assert (answer.status_code, "search" in answer.content.decode()) == (400, True), path


@pytest.mark.parametrize("signs", ["%s,", "<%s>", '"%s";', "(%s)", "%s."])
def test_member_is_found_by_an_address_with_punctuation(
    api: Api, agent: Membership, colleague: Membership, signs: str
) -> None:
    page = api.client.get("/app/settings/members/", {"q": signs % agent.user.email})
    shown = [member.user.email for member in page.context["members"]]
    assert shown == [agent.user.email]


@pytest.mark.usefixtures("faqs")
def test_operator_finds_whatever_punctuation_is_typed(
    owner: Membership, agent: Membership, settings: Any
) -> None:
    settings.OPERATOR_REQUIRES_MFA = True
    owner.user.is_staff = owner.user.is_superuser = True
    owner.user.save()
    Authenticator.objects.create(user=owner.user, type="totp", data={"secret": "x"})
    client = Client()
    client.force_login(owner.user)
    for page, text, found in [
        ("/admin/organizations/user/", f"{agent.user.email},", agent.user.email),
        ("/admin/organizations/user/", f"<{agent.user.email}>", agent.user.email),
        ("/admin/organizations/membership/", f"<{agent.user.email}>", str(agent.user)),
        ("/admin/knowledge/faq/", "вернуть ёлку?", "Вернуть «елку»"),
        ("/admin/knowledge/faq/", "wi\u2013fi", "on Sundays"),
    ]:
        answer = client.get(page, {"q": text})
        rows = answer.context["cl"].result_list
        assert len(rows) == 1, (page, text)
        assert found in answer.content.decode()

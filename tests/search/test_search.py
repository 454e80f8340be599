"""The search over everything: what one may see of records, conversations and pages, bounded."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat.models import Conversation
from crm.core.permissions import Level, Module
from crm.core.search.hits import MAX_HITS, search_pages, search_results
from crm.customers.models import Customer
from crm.deals.models import LostReason, Stage, StageKind
from crm.deals.services import create_deal, update_deal
from crm.organizations.models import Membership, Organization
from tests.organizations.people import member_with, rights

pytestmark = pytest.mark.django_db
SEARCH = reverse("core:search")


def _found(by: Membership, text: str) -> dict[str, list[str]]:
    return {
        section.label: [hit.title for hit in section.hits] for section in search_results(by, text)
    }


def test_customers_and_their_conversations_are_found_without_accents(
    owner: Membership, conversation: Conversation
) -> None:
    Customer.objects.filter(pk=conversation.customer_id).delete()
    assert _found(owner, "vu khanh") == {}
    customer = Customer.objects.create(
        organization=owner.organization, name="Vũ Khánh Toàn", email="toan@shop.example"
    )
    assert _found(owner, "vu khanh") == {"Customers": ["Vũ Khánh Toàn"]}
    (section,) = search_results(owner, "TOAN")
    assert (section.hits[0].url, section.hits[0].detail) == (
        f"/app/customers/{customer.pk}/",
        "toan@shop.example",
    )


def test_nobody_finds_what_they_may_not_see(
    organization: Organization, owner: Membership, stranger: Membership, conversation: Conversation
) -> None:
    Customer.objects.filter(pk=conversation.customer_id).update(name="x")
    customer = Customer.objects.get(pk=conversation.customer_id)
    customer.name = "Secret Sue"
    customer.save()
    assert set(_found(owner, "secret")) == {"Customers", "Conversations"}
    assert _found(stranger, "secret") == {}
    knowing = member_with(organization, "Ivan", rights(Module.KNOWLEDGE, Level.ALL))
    assert _found(knowing, "secret") == {}
    assert {hit.title for hit in search_pages(knowing, "")} == {"Knowledge", "Settings"}


def test_pages_are_found_by_beginnings_of_their_words(owner: Membership, agent: Membership) -> None:
    assert [hit.title for hit in search_pages(owner, "api")] == ["API keys"]
    assert [hit.title for hit in search_pages(owner, "Log-in rules")] == ["Log-in rules"]
    assert search_pages(agent, "api") == ()
    assert "New customer" in {hit.title for hit in search_pages(agent, "cust new")}


def test_results_are_bounded_and_cost_the_same_for_many(
    owner: Membership, django_assert_max_num_queries: Any
) -> None:
    Customer.objects.bulk_create(
        Customer(organization=owner.organization, name=f"Anna {n}", stage="customer")
        for n in range(30)
    )
    with django_assert_max_num_queries(9):
        sections = list(search_results(owner, "anna"))
    assert [len(section.hits) for section in sections] == [MAX_HITS]
    assert sections[0].more_url == "/app/customers/?view=all&q=anna"


def test_page_shows_results_and_the_palette_the_results_alone(
    client: Client, owner: Membership
) -> None:
    Customer.objects.create(organization=owner.organization, name="<b>Anna</b>")
    client.force_login(owner.user)
    page = client.get(SEARCH, {"q": "anna"}).content.decode()
    assert "&lt;b&gt;Anna&lt;/b&gt;" in page
    assert "<html" in page
    part = client.get(SEARCH, {"q": "anna"}, headers={"HX-Request": "true"}).content.decode()
    assert "&lt;b&gt;Anna&lt;/b&gt;" in part
    assert "<html" not in part
    nothing = client.get(SEARCH, {"q": "\x00zzz" * 500}).content.decode()
    assert "palette-empty" in nothing


def test_all_results_are_in_the_list_whatever_its_first_view_filters(
    owner: Membership, client: Client
) -> None:
    reason = LostReason.objects.create(organization=owner.organization, name="Too late")
    lost = Stage.objects.get(kind=StageKind.LOST)
    for number in range(7):
        deal = create_deal(by=owner, name=f"lostzq {number}")
        update_deal(by=owner, pk=deal.pk, stage_id=lost.pk, lost_reason_id=reason.pk)
    (section,) = search_results(owner, "lostzq")
    assert {hit.detail for hit in section.hits} == {lost.full_name}
    client.force_login(owner.user)
    assert len(client.get(section.more_url).context["rows"]) == 7

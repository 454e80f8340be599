"""Pages, filters, orders and sparse fields: the same for every list."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from chat.models import Conversation, Widget
from chat.services import close, escalate
from crm.core.api.cursors import CursorInvalid, decode_cursor, encode_cursor
from crm.core.permissions import SystemPrincipal
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from knowledge.models import Faq
from knowledge.services import FaqContent, create_faq
from tests.api.conftest import Api
from tests.conftest import make_conversation

CUSTOMERS = "/api/v1/customers"
LISTS = [CUSTOMERS, "/api/v1/conversations", "/api/v1/knowledge/faqs", "/api/v1/members"]


def walk(api: Api, path: str, **query: Any) -> list[str]:
    """Follow the cursors to the end and give the ids of all pages."""
    found: list[str] = []
    while True:
        answer = api.get(path, query).json()
        found += [row["id"] for row in answer["results"]]
        if answer["next_cursor"] is None:
            return found
        query["cursor"] = answer["next_cursor"]


def test_pages_join_without_gap_or_repetition(
    api: Api, make_customers: Callable[[int], list[Customer]]
) -> None:
    made = make_customers(11)
    # Some of the same moment: only the id can part them.
    Customer.objects.filter(pk__in=[each.pk for each in made[3:8]]).update(
        created_at=timezone.now() - timedelta(days=1)
    )
    down = [
        str(pk)
        for pk in Customer.objects.order_by("-created_at", "-pk").values_list("pk", flat=True)
    ]
    assert walk(api, CUSTOMERS, limit=3) == down
    assert walk(api, CUSTOMERS, limit=3, ordering="created_at") == down[::-1]
    assert walk(api, CUSTOMERS, limit=11) == down


def test_what_comes_meanwhile_moves_no_page(
    api: Api, make_customers: Callable[[int], list[Customer]]
) -> None:
    made = make_customers(4)
    first = api.get(CUSTOMERS, {"limit": 2}).json()
    make_customers(2)
    second = api.get(CUSTOMERS, {"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [row["id"] for row in second["results"]] == [str(made[1].pk), str(made[0].pk)]
    assert second["next_cursor"] is None


def test_link_header_leads_to_the_next_page(
    api: Api, make_customers: Callable[[int], list[Customer]]
) -> None:
    make_customers(3)
    answer = api.get(CUSTOMERS, {"limit": 2, "stage": "visitor"})
    address, relation = answer["Link"].split(";")
    query = parse_qs(urlsplit(address.strip("<>")).query)
    assert relation.strip() == 'rel="next"'
    assert query == {
        "limit": ["2"],
        "stage": ["visitor"],
        "cursor": [answer.json()["next_cursor"]],
    }
    assert "Link" not in api.get(CUSTOMERS)


def test_the_same_page_gives_the_same_cursor(
    api: Api, make_customers: Callable[[int], list[Customer]]
) -> None:
    make_customers(3)
    cursors = {api.get(CUSTOMERS, {"limit": 2}).json()["next_cursor"] for _n in range(3)}
    assert len(cursors) == 1


@pytest.mark.parametrize(
    "spoil",
    [lambda c: c[:-2], lambda c: ("B" if c[0] == "A" else "A") + c[1:], lambda c: "é", str.lower],
)
def test_a_cursor_that_is_not_ours_is_refused(
    api: Api, make_customers: Callable[[int], list[Customer]], spoil: Callable[[str], str]
) -> None:
    make_customers(3)
    cursor = api.get(CUSTOMERS, {"limit": 2}).json()["next_cursor"]
    answer = api.get(CUSTOMERS, {"limit": 2, "cursor": spoil(cursor)})
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_invalid")


def test_a_cursor_of_another_order_or_list_is_refused(
    api: Api, make_customers: Callable[[int], list[Customer]]
) -> None:
    make_customers(3)
    cursor = api.get(CUSTOMERS, {"limit": 2}).json()["next_cursor"]
    for path, order in [(CUSTOMERS, "created_at"), ("/api/v1/members", "-created_at")]:
        answer = api.get(path, {"cursor": cursor, "ordering": order})
        assert answer.json()["code"] == "cursor_invalid"


def test_cursors_keep_their_values() -> None:
    moment = timezone.now()
    text = encode_cursor("x", [moment, 3, "é"])
    assert decode_cursor("x", text) == [moment, 3, "é"]
    with pytest.raises(CursorInvalid):
        decode_cursor("y", text)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"colour": "red"}, "unknown_parameter"),
        ({"status__regex": ".*"}, "unknown_parameter"),
        ({"organization_id": "x"}, "unknown_parameter"),
        ({"customer__organization__name": "x"}, "unknown_parameter"),
        ({"$where": "1"}, "unknown_parameter"),
        ({"limit": ["1", "2"]}, "repeated_parameter"),
        ({"fields": "id,password"}, "unknown_field"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(
    api: Api, path: str, query: dict[str, Any], code: str
) -> None:
    answer = api.get(path, query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "many"},
        {"ordering": "password"},
        {"ordering": "organization__name"},
        {"ordering": "?"},
        {"fields": "x" * 501},
        {"cursor": "x" * 301},
    ],
)
def test_a_value_that_cannot_be_used_is_a_400(api: Api, path: str, query: dict[str, str]) -> None:
    assert api.get(path, query).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"created_at__gte": "yesterday"},
        {"created_at__gte": "0001-01-01T00:00:00+14:00"},
        {"created_at__lt": "9999-12-31T23:59:59-14:00"},
        {"search": "a\0b"},
        {"search": "\ud800".encode("utf-8", "surrogatepass")},
        {"stage": "boss"},
        {"email": "x" * 256},
    ],
)
def test_a_filter_value_never_reaches_the_database_unchecked(api: Api, query: Any) -> None:
    assert api.get(CUSTOMERS, query).status_code in {200, 400}


def test_fields_keep_only_what_was_asked_for(
    api: Api, make_customers: Callable[[int], list[Customer]]
) -> None:
    (customer,) = make_customers(1)
    answer = api.get(CUSTOMERS, {"fields": "id,email"}).json()
    assert answer["results"] == [{"id": str(customer.pk), "email": "c0@example.com"}]
    one = api.get(f"{CUSTOMERS}/{customer.pk}", {"fields": "name"}).json()
    assert one == {"name": "Customer 0"}


def test_customers_are_filtered(api: Api, organization: Organization) -> None:
    minh = Customer.objects.create(
        organization=organization, name="Minh", email="Minh@x.example", stage="customer"
    )
    Customer.objects.create(organization=organization, name="Ada")
    for query in (
        {"stage": "customer"},
        {"email": "minh@X.example"},
        {"search": "mi"},
        {"stage": "customer", "created_at__gte": minh.created_at.isoformat()},
    ):
        assert walk(api, CUSTOMERS, **query) == [str(minh.pk)]
    assert walk(api, CUSTOMERS, created_at__lt=minh.created_at.isoformat()) == []


def test_conversations_are_filtered(
    api: Api, owner: Membership, organization: Organization, widget: Widget
) -> None:
    made = []
    for number in range(3):
        customer = Customer.objects.create(organization=organization, name=f"C{number}")
        made.append(make_conversation(customer, widget, f"first-{number}"))
    pending, opened, closed = made
    whose: dict[str, Any] = {"organization_id": organization.pk}
    escalate(**whose, conversation_id=opened.pk, reason="asked")
    Conversation.objects.filter(pk=opened.pk).update(assignee=owner.user, labels=["vip"])
    close(**whose, conversation_id=closed.pk, by=owner)
    path = "/api/v1/conversations"
    expected = [
        ({"status": "bot"}, [pending]),
        ({"status": "closed"}, [closed]),
        ({"assignee": str(owner.user_id)}, [opened]),
        ({"label": "vip"}, [opened]),
        ({"customer_id": str(pending.customer_id)}, [pending]),
        ({"assignee": "none", "status": "bot"}, [pending]),
        ({"priority": "high"}, []),
    ]
    for query, found in expected:
        assert walk(api, path, **query) == [str(each.pk) for each in found]
    assert set(walk(api, path, limit=1)) == {str(each.pk) for each in made}
    assert api.get(path, {"assignee": "me"}).status_code == 400


def test_faqs_are_filtered(api: Api, owner: Membership, organization: Organization) -> None:
    made = [
        create_faq(
            content=FaqContent(question=f"Question {n}?", answer="Yes.", language_code=language),
            by=owner,
        )
        for n, language in enumerate(["en", "vi", "en"])
    ]
    path = "/api/v1/knowledge/faqs"
    assert walk(api, path, language="vi") == [str(made[1].pk)]
    assert walk(api, path, search="question 2") == [str(made[2].pk)]
    assert walk(api, path, is_published="false") == []
    assert walk(api, path, limit=2) == [str(each.pk) for each in made[::-1]]


@pytest.mark.parametrize("path", LISTS)
def test_nothing_of_another_organization_is_listed(
    api: Api, path: str, stranger: Membership, stranger_organization: Organization
) -> None:
    customer = Customer.objects.create(organization=stranger_organization, name="Hidden")
    widget = Widget.objects.create(organization=stranger_organization, name="Theirs")
    make_conversation(customer, widget)
    create_faq(
        by=SystemPrincipal(stranger_organization.pk),
        content=FaqContent(question="Ours?", answer="Yes.", language_code="en"),
    )
    theirs = {
        str(pk)
        for model in (Customer, Conversation, Faq, Membership)
        for pk in model._default_manager.filter(organization=stranger_organization).values_list(
            "pk", flat=True
        )
    }
    assert theirs.isdisjoint(walk(api, path))


@pytest.mark.parametrize(("path", "most"), [(CUSTOMERS, 8), ("/api/v1/conversations", 9)])
def test_a_page_costs_the_same_queries_however_long_it_is(
    api: Api,
    organization: Organization,
    widget: Widget,
    path: str,
    most: int,
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(12):
        customer = Customer.objects.create(organization=organization, name=f"C{number}")
        make_conversation(customer, widget, f"first-{number}")
    with django_assert_max_num_queries(most) as short:
        assert len(api.get(path, {"limit": 2}).json()["results"]) == 2
    with django_assert_max_num_queries(len(short)):
        assert len(api.get(path, {"limit": 12}).json()["results"]) == 12


def test_lists_are_bounded_without_a_limit(
    api: Api, organization: Organization, make_customers: Callable[[int], list[Customer]]
) -> None:
    make_customers(51)
    answer = api.get(reverse("customers:customers")).json()
    assert len(answer["results"]) == 50
    assert answer["next_cursor"] is not None

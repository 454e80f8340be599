"""How much waits in the inbox is seen on every page, not on the inbox's alone."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chat import inbox
from chat.models import Conversation, Status
from crm.customers.models import Customer
from crm.organizations.models import Membership

pytestmark = pytest.mark.django_db

PAGES = ["chat:inbox", "chat:unanswered", "knowledge:list", "knowledge:categories"]
SHOWN = re.compile(r'<span class="sidebar-count" data-sidebar-count( hidden)?>([^<]*)</span>')


@pytest.fixture
def browser(stores_clean: None, agent: Membership) -> Client:
    browser = Client()
    browser.force_login(agent.user)
    return browser


def add(customer: Customer, number: int, **fields: object) -> None:
    """Store heads alone: the navigation reads nothing else."""
    for _number in range(number):
        Conversation.objects.create(
            **{
                "organization_id": customer.organization_id,
                "customer": customer,
                "status": Status.OPEN,
                "opened_by": str(uuid4()),
                "last_seq": 1,
                "last_message_at": timezone.now(),
                "waiting_since": timezone.now(),
                **fields,
            }
        )


def shown(browser: Client, page: str) -> tuple[bool, str]:
    found = SHOWN.search(browser.get(reverse(page)).content.decode())
    assert found
    return found[1] is None, found[2]


@pytest.mark.parametrize("page", PAGES)
def test_what_waits_for_me_or_for_nobody_yet_is_counted(
    browser: Client,
    agent: Membership,
    colleague: Membership,
    stranger: Membership,
    customer: Customer,
    page: str,
) -> None:
    assert shown(browser, page) == (False, "")
    add(customer, 2)
    add(customer, 1, assignee=agent.user)
    add(customer, 1, assignee=colleague.user)
    add(customer, 1, status=Status.BOT)
    add(customer, 1, last_seq=0)
    # Answered, and not closed yet.
    add(customer, 1, assignee=agent.user, waiting_since=None)
    other = Customer.objects.create(organization=stranger.organization, name="Someone")
    add(other, 1)
    assert shown(browser, page) == (True, "3")


def test_it_is_counted_in_one_bounded_query(
    browser: Client, agent: Membership, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "COUNT_LIMIT", 3)
    add(customer, 5)
    add(customer, 5, assignee=agent.user)
    with CaptureQueriesContext(connection) as queries:
        assert inbox.waiting(agent) == 3
    assert len(queries) == 1
    assert queries[0]["sql"].count("LIMIT 3") == 2
    assert shown(browser, "knowledge:list") == (True, "2+")


def test_a_page_without_navigation_counts_nothing(browser: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        browser.get("/nothing/")
    assert not any("conversation" in query["sql"] for query in queries)


def test_who_lacks_the_factor_that_is_asked_for_sees_no_count(
    browser: Client, agent: Membership, customer: Customer
) -> None:
    """Their pages are those where it is set up; what waits is not for them before."""
    add(customer, 3)
    pages = [
        "mfa_index",
        "organizations:settings",
        "organizations:profile",
        "authentication:sessions",
    ]
    assert [shown(browser, page) for page in pages] == [(True, "3")] * 4
    agent.organization.requires_second_factor = True
    agent.organization.save(update_fields=["requires_second_factor"])
    assert [shown(browser, page) for page in pages] == [(False, "")] * 4

"""Plans enforced on the API, and shown by the API and the pages."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.authentication.services.api_keys import create_api_key
from crm.billing import counters
from crm.billing.metrics import Metric
from crm.billing.models import Subscription, UsageSnapshot
from crm.billing.services.alerts import notify_quota_levels
from crm.billing.services.api_calls import post_api_calls
from crm.billing.services.subscriptions import assign_plan
from crm.billing.tasks import post_calls
from crm.core import stores
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role
from tests.api.conftest import Api
from tests.billing.plans import allow, used
from tests.conftest import make_member

PAGE = "/app/settings/plan-and-usage/"


@pytest.fixture
def api(owner: Membership) -> Api:
    return Api(owner)


@pytest.fixture
def with_key(owner: Membership) -> Callable[..., Any]:
    """Call the API with a key that may do everything."""
    scopes = ["customers:write", "billing:write", "inbox:read"]
    made = create_api_key(by=owner, name="Key", scopes=scopes, expires_at=None)

    def call(method: str, path: str, body: Any = None) -> Any:
        return Client().generic(
            method,
            path,
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {made.text}"},
        )

    return call


# --- API ------------------------------------------------------------------------------------------


def test_calls_with_keys_are_counted_and_refused_at_the_limit(
    organization: Organization, with_key: Callable[..., Any]
) -> None:
    subscription = allow(organization, api_calls=3)
    statuses = [with_key("GET", "/api/v1/customers").status_code for _each in range(5)]
    assert statuses == [200, 200, 200, 402, 402]
    refused = with_key("GET", "/api/v1/customers")
    assert refused["Content-Type"] == "application/problem+json"
    problem = refused.json()
    assert (problem["code"], problem["quota"], problem["limit"], problem["used"]) == (
        "quota_exceeded",
        "api_calls",
        3,
        3,
    )
    assert problem["resets_at"] == subscription.period_end.isoformat()
    assert "RateLimit" in refused.headers
    # How to get more is answered all the same, and counts nothing.
    assert with_key("GET", "/api/v1/usage").status_code == 200
    post_calls()
    assert used(organization, Metric.API_CALLS) == 3


def test_another_plan_lets_calls_through_at_once(
    transactional_db: None, organization: Organization, with_key: Callable[..., Any]
) -> None:
    allow(organization, api_calls=1)
    assert with_key("GET", "/api/v1/customers").status_code == 200
    assert with_key("GET", "/api/v1/customers").status_code == 402
    allow(organization, api_calls=2)
    assert with_key("GET", "/api/v1/customers").status_code == 200
    assert with_key("GET", "/api/v1/customers").status_code == 402


def test_pages_of_people_are_no_api_calls(organization: Organization, api: Api) -> None:
    allow(organization, api_calls=1)
    statuses = {api.get("/api/v1/customers").status_code for _each in range(3)}
    assert statuses == {200}
    assert counters.read(organization.pk, Metric.API_CALLS) is None


def test_a_counted_call_costs_no_query_more(
    organization: Organization,
    with_key: Callable[..., Any],
    django_assert_max_num_queries: Any,
) -> None:
    allow(organization, api_calls=100)
    with_key("GET", "/api/v1/customers")
    # The key, and the list; nothing about the plan.
    with django_assert_max_num_queries(3):
        assert with_key("GET", "/api/v1/customers").status_code == 200


def test_posting_calls_twice_writes_them_once_and_goes_on_after_redis_forgot(
    organization: Organization, with_key: Callable[..., Any]
) -> None:
    allow(organization, api_calls=100)
    for _each in range(4):
        with_key("GET", "/api/v1/customers")
    for _twice in range(2):
        post_api_calls(organization_id=organization.pk)
    assert used(organization, Metric.API_CALLS) == 4
    stores.redis().delete(counters.key_of(organization.pk, Metric.API_CALLS))
    with_key("GET", "/api/v1/customers")
    post_api_calls(organization_id=organization.pk)
    assert used(organization, Metric.API_CALLS) == 5


def test_a_contact_too_many_is_refused_over_the_api_with_a_sentence(
    organization: Organization, api: Api
) -> None:
    allow(organization, contacts=1)
    assert api.post("/api/v1/customers", {"name": "Minh"}).status_code == 201
    refused = api.post("/api/v1/customers", {"name": "Lan"}, Accept_Language="vi")
    assert refused.status_code == 402
    assert refused.json()["quota"] == "contacts"
    assert Customer.objects.of(organization.pk).count() == 1


def test_the_subscription_is_read_and_changed_over_the_api(
    organization: Organization, api: Api, with_key: Callable[..., Any]
) -> None:
    assign_plan(organization_id=organization.pk, plan="free")
    assert api.get("/api/v1/subscription").json()["plan"] == "free"
    plans = {each["key"]: each for each in api.get("/api/v1/plans").json()["plans"]}
    assert set(plans) == {"free", "pro", "enterprise"}
    changed = with_key("POST", "/api/v1/subscription/change", {"plan": "pro"})
    assert (changed.status_code, changed.json()["plan"]) == (200, "pro")
    assert changed.json()["limits"] == plans["pro"]["limits"]
    assert api.post("/api/v1/subscription/cancel").json()["next_plan"] == "free"
    assert api.post("/api/v1/subscription/resume").json()["next_plan"] is None
    refused = api.post("/api/v1/subscription/resume")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_resume")
    usage = api.get("/api/v1/usage").json()
    quotas_told = {each["quota"]: each for each in usage["quotas"]}
    assert set(quotas_told) == set(Metric.values)
    assert quotas_told["members"]["resets_at"] is None
    assert quotas_told["members"]["used"] == 1


def test_who_may_not_see_billing_learns_nothing(
    organization: Organization, agent: Membership
) -> None:
    api = Api(agent)
    for path in ("/api/v1/usage", "/api/v1/subscription", "/api/v1/plans"):
        assert api.get(path).status_code == 403
    assert api.post("/api/v1/subscription/cancel").status_code == 403
    assert api.client.get(PAGE).status_code == 403


# --- Pages ----------------------------------------------------------------------------------------


def test_the_page_shows_every_quota_and_days(
    organization: Organization, owner: Membership, client: Client
) -> None:
    allow(organization, members=2, bot_answers=100)
    UsageSnapshot.objects.create(
        organization=organization, metric=Metric.MEMBERS, day=timezone.now().date(), value=1
    )
    client.force_login(owner.user)
    for query in ("", "?quota=members", "?quota=nonsense"):
        page = client.get(PAGE + query)
        assert page.status_code == 200
        for label in ("Members", "Bot answers", "API calls", "no limit"):
            assert label in page.content.decode()


@pytest.mark.parametrize("language", ["vi", "ru"])
def test_the_page_is_shown_in_other_languages(
    organization: Organization, owner: Membership, client: Client, language: str
) -> None:
    owner.user.language_code = language
    owner.user.save(update_fields=["language_code"])
    client.force_login(owner.user)
    page = client.get(PAGE, headers={"Accept-Language": language})
    assert page.status_code == 200
    assert "Plan and usage" not in page.content.decode()


def test_a_plan_is_changed_cancelled_and_kept_on_the_pages(
    organization: Organization, owner: Membership, client: Client
) -> None:
    assign_plan(organization_id=organization.pk, plan="free")
    client.force_login(owner.user)
    change = reverse("billing:change", args=["pro"])
    assert "Change to Pro?" in client.get(change).content.decode()
    client.post(change)
    assert Subscription.objects.get().plan_id == "pro"
    cancel = reverse("billing:cancel")
    assert "Cancel Pro?" in client.get(cancel).content.decode()
    client.post(cancel)
    assert Subscription.objects.get().next_plan_id == "free"
    client.post(reverse("billing:resume"))
    assert Subscription.objects.get().next_plan_id is None
    shown = client.post(reverse("billing:resume"), follow=True).content.decode()
    assert "no plan change is pending" in shown


def test_an_admin_sees_the_plan_and_is_offered_no_change(
    organization: Organization, client: Client
) -> None:
    admin = make_member(organization, "Ada", Role.ADMIN)
    assign_plan(organization_id=organization.pk, plan="free")
    client.force_login(admin.user)
    assert "Upgrade to Pro" not in client.get(PAGE).content.decode()
    assert client.post(reverse("billing:change", args=["pro"])).status_code == 403


def test_owners_see_a_banner_and_agents_do_not(
    organization: Organization, owner: Membership, agent: Membership, client: Client
) -> None:
    allow(organization, members=2)
    notify_quota_levels(organization_id=organization.pk)
    sentence = "Members: used up."
    client.force_login(owner.user)
    assert sentence in client.get("/app/settings/profile/").content.decode()
    client.force_login(agent.user)
    assert sentence not in client.get("/app/settings/profile/").content.decode()


def test_an_invitation_too_many_is_refused_on_the_page_in_plain_words(
    organization: Organization, owner: Membership, client: Client
) -> None:
    allow(organization, members=1)
    client.force_login(owner.user)
    page = client.post(
        reverse("organizations:members"), {"email": "new@example.com", "role": "agent"}
    )
    assert page.status_code == 402
    assert "no free place for another member" in page.content.decode()

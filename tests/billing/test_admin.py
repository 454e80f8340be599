"""What operators do with plans, in their admin."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.billing.metrics import Feature, Metric
from crm.billing.models import FeatureOverride, Plan, SubscriptionEvent, UsageRecord
from crm.billing.services import consume, terms_of
from crm.billing.services.subscriptions import assign_plan
from crm.billing.tasks import roll_periods
from crm.organizations.models import Organization, User

REASON = "A pilot until the end of the year."


@pytest.fixture
def operator(db: None, client: Client) -> Client:
    user = User.objects.create(
        email="operator@example.com", name="Op", is_staff=True, is_superuser=True
    )
    client.force_login(user)
    return client


@pytest.fixture
def organization_on_free(organization: Organization) -> Organization:
    assign_plan(organization_id=organization.pk, plan="free")
    return organization


def action(organization: Organization, name: str) -> str:
    return reverse(f"admin:organizations_organization_{name}", args=[organization.pk])


def test_every_list_is_shown_and_found_in(operator: Client, organization: Organization) -> None:
    consume(organization_id=organization.pk, metric=Metric.BOT_ANSWERS, key="one")
    for model in ("plan", "subscription", "usagerecord", "featureoverride"):
        address = reverse(f"admin:billing_{model}_changelist")
        assert operator.get(address, {"q": "sunbean"}).status_code == 200


def test_a_plan_set_in_the_admin_has_its_history(
    operator: Client, organization_on_free: Organization
) -> None:
    subscription = organization_on_free.subscription
    address = reverse("admin:billing_subscription_assign", args=[subscription.pk])
    assert operator.get(address).status_code == 200
    assert operator.post(address, {"plan": "pro"}).status_code == 302
    subscription.refresh_from_db()
    assert (subscription.plan_id, subscription.renews) == ("pro", False)
    event = SubscriptionEvent.objects.order_by("-id")[0]
    assert (event.kind, event.plan_before, event.plan_after) == ("assigned", "free", "pro")


def test_changed_limits_of_a_plan_hold_with_the_next_use(
    operator: Client, organization_on_free: Organization
) -> None:
    consume(organization_id=organization_on_free.pk, metric=Metric.BOT_ANSWERS, key="one")
    address = reverse("admin:billing_plan_change", args=["free"])
    shown = operator.get(address)
    assert shown.context["adminform"].form["limit_members"].initial == 3
    changed = {"position": 1, "limit_bot_answers": "1", "features": ["custom_roles"]}
    assert operator.post(address, changed).status_code == 302
    plan = Plan.objects.get(pk="free")
    assert (plan.limits, plan.features) == ({"bot_answers": 1}, ["custom_roles"])
    assert terms_of(organization_on_free.pk).limits["bot_answers"] == 1


@pytest.mark.parametrize("value", ["-1", "many", "9" * 30])
def test_a_limit_that_is_none_is_refused(operator: Client, db: None, value: str) -> None:
    address = reverse("admin:billing_plan_change", args=["free"])
    before = Plan.objects.get(pk="free").limits
    answer = operator.post(address, {"position": 1, "limit_members": value})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {"limit_members"}
    assert Plan.objects.get(pk="free").limits == before


def test_an_override_of_the_admin_holds_and_runs_out(
    operator: Client, organization_on_free: Organization
) -> None:
    address = action(organization_on_free, "override-quota")
    assert operator.get(address).status_code == 200
    given = {"metric": "members", "limit": "7", "reason": REASON}
    assert operator.post(address, given).status_code == 302
    override = FeatureOverride.objects.get()
    assert (override.created_by is not None, override.reason) == (True, REASON)
    assert terms_of(organization_on_free.pk).limits["members"] == 7
    override.expires_at = timezone.now() - timedelta(seconds=1)
    override.save(update_fields=["expires_at"])
    roll_periods()
    override.refresh_from_db()
    assert override.ended_at is not None
    assert terms_of(organization_on_free.pk).limits["members"] == 3


def test_an_override_of_the_past_is_refused_and_leaves_the_present_one(
    operator: Client, organization_on_free: Organization
) -> None:
    address = action(organization_on_free, "override-quota")
    given = {"metric": "members", "limit": "7", "reason": REASON}
    operator.post(address, given)
    last_year = timezone.now() - timedelta(days=365)
    over = given | {"limit": "9", "expires_at": last_year.strftime("%Y-%m-%dT%H:%M")}
    answer = operator.post(address, over)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["expires_at"]
    assert terms_of(organization_on_free.pk).limits["members"] == 7


def test_a_feature_is_given_and_taken_back(
    operator: Client, organization_on_free: Organization
) -> None:
    address = action(organization_on_free, "override-feature")
    assert (
        operator.post(address, {"feature": "custom_roles", "is_enabled": "on"}).status_code == 400
    )
    given = {"feature": "custom_roles", "is_enabled": "on", "reason": REASON}
    assert operator.post(address, given).status_code == 302
    assert Feature.CUSTOM_ROLES in terms_of(organization_on_free.pk).features
    override = FeatureOverride.objects.get()
    end = reverse("admin:billing_featureoverride_end", args=[override.pk])
    assert operator.post(end).status_code == 302
    assert Feature.CUSTOM_ROLES not in terms_of(organization_on_free.pk).features
    assert operator.post(end).status_code == 403


def test_the_ledger_is_shown_and_not_changed(operator: Client, organization: Organization) -> None:
    consume(organization_id=organization.pk, metric=Metric.BOT_ANSWERS, key="one")
    record = UsageRecord.objects.get()
    address = reverse("admin:billing_usagerecord_change", args=[record.pk])
    assert operator.get(address).status_code == 200
    assert operator.post(address, {"amount": 0}).status_code == 403

"""What operators do with plans, in their admin."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.accounts.models import Organization, User
from crm.billing.metrics import Metric
from crm.billing.models import FeatureOverride, Plan, SubscriptionEvent, UsageRecord
from crm.billing.services import consume, terms_of
from crm.billing.services.subscriptions import assign_plan
from crm.billing.tasks import roll_periods


@pytest.fixture
def operator(db: None, client: Client) -> Client:
    user = User.objects.create(
        email="operator@example.com", name="Op", is_staff=True, is_superuser=True
    )
    client.force_login(user)
    return client


def test_every_list_is_shown_and_found_in(operator: Client, organization: Organization) -> None:
    consume(organization_id=organization.pk, metric=Metric.BOT_ANSWERS, key="one")
    for model in ("plan", "subscription", "usagerecord", "featureoverride"):
        address = reverse(f"admin:billing_{model}_changelist")
        assert operator.get(address, {"q": "sunbean"}).status_code == 200


def test_a_plan_set_in_the_admin_has_its_history(
    operator: Client, organization: Organization
) -> None:
    subscription = assign_plan(organization_id=organization.pk, plan="free")
    address = reverse("admin:billing_subscription_change", args=[subscription.pk])
    assert operator.post(address, {"plan": "pro"}).status_code == 302
    subscription.refresh_from_db()
    assert (subscription.plan_id, subscription.renews) == ("pro", False)
    event = SubscriptionEvent.objects.order_by("-id")[0]
    assert (event.kind, event.plan_before, event.plan_after) == ("assigned", "free", "pro")


def test_changed_limits_of_a_plan_hold_with_the_next_use(
    operator: Client, organization: Organization
) -> None:
    assign_plan(organization_id=organization.pk, plan="free")
    consume(organization_id=organization.pk, metric=Metric.BOT_ANSWERS, key="one")
    address = reverse("admin:billing_plan_change", args=["free"])
    changed = {"key": "free", "position": 1, "limits": '{"bot_answers": 1}', "features": ""}
    assert operator.post(address, changed).status_code == 302
    assert Plan.objects.get(pk="free").limits == {"bot_answers": 1}
    assert terms_of(organization.pk).limits["bot_answers"] == 1


def test_an_override_of_the_admin_holds_and_runs_out(
    operator: Client, organization: Organization
) -> None:
    assign_plan(organization_id=organization.pk, plan="free")
    given = {
        "organization": str(organization.pk),
        "kind": "quota",
        "name": "members",
        "limit": "7",
        "reason": "A pilot.",
    }
    address = reverse("admin:billing_featureoverride_add")
    assert operator.post(address, given).status_code == 302
    override = FeatureOverride.objects.get()
    assert override.created_by is not None
    assert terms_of(organization.pk).limits["members"] == 7
    override.expires_at = timezone.now() - timedelta(seconds=1)
    override.save(update_fields=["expires_at"])
    roll_periods()
    override.refresh_from_db()
    assert override.ended_at is not None
    assert terms_of(organization.pk).limits["members"] == 3


def test_the_ledger_is_shown_and_not_changed(operator: Client, organization: Organization) -> None:
    consume(organization_id=organization.pk, metric=Metric.BOT_ANSWERS, key="one")
    record = UsageRecord.objects.get()
    address = reverse("admin:billing_usagerecord_change", args=[record.pk])
    assert operator.get(address).status_code == 200
    assert operator.post(address, {"amount": 0}).status_code == 403

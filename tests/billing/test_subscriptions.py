"""Plans over time: trial, change, cancellation, grace; each step once, with its history."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import override_settings
from django.utils import timezone

from crm.billing.errors import (
    NothingToCancel,
    NothingToResume,
    PlanNotFound,
    PlanNotOffered,
    SamePlan,
    UseOverLimits,
)
from crm.billing.metrics import Feature
from crm.billing.models import (
    FeatureOverride,
    Plan,
    Subscription,
    SubscriptionEvent,
    SubscriptionStatus,
)
from crm.billing.periods import month_later
from crm.billing.services import has_feature
from crm.billing.services.overrides import end_override, override_feature
from crm.billing.services.subscriptions import (
    assign_plan,
    cancel_subscription,
    change_plan,
    resume_subscription,
    roll,
    start_subscription,
)
from crm.billing.tasks import roll_periods
from crm.compliance.models import AuditEntry
from crm.core import quotas, tenancy
from crm.core.errors import Forbidden
from crm.organizations.models import Membership, Organization, Role, User
from crm.organizations.services.organizations import found_organization
from crm.organizations.services.roles import create_role
from tests.billing.plans import ends_at
from tests.conftest import make_member


def of(organization: Organization) -> Subscription:
    return Subscription.objects.select_related("plan").get(organization=organization)


def history(organization: Organization) -> list[str]:
    events = SubscriptionEvent.objects.filter(organization=organization).order_by("id")
    return list(events.values_list("kind", flat=True))


def test_the_four_plans_are_there_by_name(organization: Organization) -> None:
    plans = list(Plan.objects.in_order().values_list("key", flat=True))
    assert plans == ["guest", "free", "pro", "enterprise"]


def test_a_sign_up_begins_with_a_trial_of_pro(db: None) -> None:
    user = User.objects.create(email="new@example.com", name="New")
    membership = found_organization(user=user, name="Newcomers Đặng")
    assert membership.organization.slug.startswith("newcomers-dang-")
    subscription = of(membership.organization)
    assert (subscription.plan_id, subscription.status) == ("pro", SubscriptionStatus.TRIAL)
    assert subscription.period_end - subscription.period_start == timedelta(days=14)
    assert history(membership.organization) == ["trial_started"]


@override_settings(BILLING_TRIAL_DAYS=0)
def test_without_trials_a_sign_up_begins_free(db: None) -> None:
    user = User.objects.create(email="new@example.com", name="New")
    membership = found_organization(user=user, name="Newcomers")
    assert (of(membership.organization).plan_id, of(membership.organization).status) == (
        "free",
        SubscriptionStatus.ACTIVE,
    )


def test_a_trial_goes_through_grace_to_the_free_plan(organization: Organization) -> None:
    start_subscription(organization_id=organization.pk, plan="pro", trial_days=14)
    ends_at(organization, timezone.now() - timedelta(hours=1))
    for _twice in range(2):
        roll_periods()
    assert (of(organization).plan_id, of(organization).status) == ("pro", SubscriptionStatus.GRACE)
    ends_at(organization, timezone.now() - timedelta(hours=1))
    for _twice in range(2):
        roll_periods()
    subscription = of(organization)
    assert (subscription.plan_id, subscription.status) == ("free", SubscriptionStatus.ACTIVE)
    assert subscription.period_end > timezone.now()
    assert history(organization) == ["trial_started", "grace_began", "expired"]


def test_a_sleep_of_months_is_made_up_for_month_by_month(organization: Organization) -> None:
    assign_plan(organization_id=organization.pk, plan="pro")
    start = timezone.now() - timedelta(days=95)
    Subscription.objects.filter(organization=organization).update(
        period_start=start, period_end=month_later(start, start.day), anchor_day=start.day
    )
    roll(organization_id=organization.pk)
    subscription = of(organization)
    assert subscription.period_start <= timezone.now() < subscription.period_end
    assert history(organization).count("renewed") == 3


def test_periods_end_on_the_day_they_began_on_or_the_last_of_the_month() -> None:
    january = datetime(2027, 1, 31, 12, tzinfo=UTC)
    february = month_later(january, 31)
    assert february == datetime(2027, 2, 28, 12, tzinfo=UTC)
    assert month_later(february, 31) == datetime(2027, 3, 31, 12, tzinfo=UTC)


def test_an_upgrade_holds_at_once_and_in_the_same_period(
    organization: Organization, owner: Membership
) -> None:
    before = assign_plan(organization_id=organization.pk, plan="free")
    subscription = change_plan(by=owner, plan="pro")
    assert subscription.plan_id == "pro"
    assert subscription.period_end == before.period_end
    assert history(organization)[-1] == "upgraded"


def test_keeping_the_plan_of_a_trial_ends_the_trial(
    organization: Organization, owner: Membership
) -> None:
    start_subscription(organization_id=organization.pk, plan="pro", trial_days=14)
    subscription = change_plan(by=owner, plan="pro")
    assert subscription.status == SubscriptionStatus.ACTIVE
    assert subscription.period_end == month_later(
        subscription.period_start, subscription.anchor_day
    )


def test_a_downgrade_waits_for_the_end_of_the_period_and_can_be_taken_back(
    organization: Organization, owner: Membership
) -> None:
    assign_plan(organization_id=organization.pk, plan="pro")
    assert change_plan(by=owner, plan="free").plan_id == "pro"
    resume_subscription(by=owner)
    with pytest.raises(NothingToResume):
        resume_subscription(by=owner)
    change_plan(by=owner, plan="free")
    ends_at(organization, timezone.now() - timedelta(seconds=1))
    roll_periods()
    assert of(organization).plan_id == "free"
    assert history(organization)[-4:] == [
        "downgrade_asked",
        "resumed",
        "downgrade_asked",
        "downgraded",
    ]


def test_a_downgrade_below_what_is_in_use_is_refused_and_says_what(
    organization: Organization, owner: Membership
) -> None:
    assign_plan(organization_id=organization.pk, plan="pro")
    for number in range(4):
        make_member(organization, f"Member{number}", Role.AGENT)
    with pytest.raises(UseOverLimits) as refusal:
        change_plan(by=owner, plan="free")
    assert refusal.value.extra["quotas"] == {"members": {"used": 5, "limit": 3}}
    # Whoever wants to leave may all the same; nobody is thrown out by it.
    cancel_subscription(by=owner)
    ends_at(organization, timezone.now() - timedelta(seconds=1))
    roll_periods()
    assert of(organization).plan_id == "free"
    assert Membership.objects.active().in_organization(organization.pk).count() == 5


def test_a_cancelled_plan_works_until_its_period_ends(
    organization: Organization, owner: Membership
) -> None:
    assign_plan(organization_id=organization.pk, plan="pro")
    cancel_subscription(by=owner)
    assert of(organization).plan_id == "pro"
    with pytest.raises(NothingToCancel):
        cancel_subscription(by=owner)
    ends_at(organization, timezone.now() - timedelta(seconds=1))
    roll_periods()
    assert of(organization).plan_id == "free"
    assert of(organization).cancelled_at is None
    assert history(organization)[-2:] == ["cancelled", "expired"]
    with pytest.raises(NothingToCancel):
        cancel_subscription(by=owner)


def test_what_is_not_on_offer_is_refused_by_name(
    organization: Organization, owner: Membership
) -> None:
    assign_plan(organization_id=organization.pk, plan="free")
    for plan, refusal in (
        ("enterprise", PlanNotOffered),
        ("guest", PlanNotOffered),
        ("gold", PlanNotFound),
        ("free", SamePlan),
    ):
        with pytest.raises(refusal):
            change_plan(by=owner, plan=plan)
    assert of(organization).plan_id == "free"


def test_only_who_may_change_billing_changes_the_plan(
    organization: Organization, agent: Membership
) -> None:
    admin = make_member(organization, "Ada", Role.ADMIN)
    assign_plan(organization_id=organization.pk, plan="free")
    for somebody in (admin, agent):
        with pytest.raises(Forbidden):
            change_plan(by=somebody, plan="pro")
        with pytest.raises(Forbidden):
            cancel_subscription(by=somebody)


def test_a_period_that_is_not_renewed_goes_into_grace(organization: Organization) -> None:
    assign_plan(organization_id=organization.pk, plan="pro", renews=False)
    ends_at(organization, timezone.now() - timedelta(seconds=1))
    roll_periods()
    assert of(organization).status == SubscriptionStatus.GRACE


def test_features_follow_the_plan_and_the_operators_word(
    organization: Organization, owner: Membership
) -> None:
    assign_plan(organization_id=organization.pk, plan="free")
    with pytest.raises(quotas.FeatureNotInPlan) as refusal:
        create_role(by=owner, name="Night shift", copied_from=Role.AGENT)
    assert refusal.value.extra == {"feature": "custom_roles", "plan": "free"}
    override = override_feature(
        organization_id=organization.pk,
        feature=Feature.CUSTOM_ROLES,
        is_enabled=True,
        reason="They asked nicely.",
    )
    assert create_role(by=owner, name="Night shift", copied_from=Role.AGENT).pk
    end_override(override_id=override.pk)
    assert not has_feature(organization.pk, Feature.CUSTOM_ROLES)


def test_a_second_override_takes_the_place_of_the_first(organization: Organization) -> None:
    for is_enabled in (True, False):
        override_feature(
            organization_id=organization.pk,
            feature=Feature.CUSTOM_ROLES,
            is_enabled=is_enabled,
            reason="Changed.",
        )
    assert FeatureOverride.objects.in_force().get().is_enabled is False
    assert FeatureOverride.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_audit_tells_of_plans_and_overrides(
    organization: Organization, owner: Membership
) -> None:
    with tenancy.organization(organization.pk):
        assign_plan(organization_id=organization.pk, plan="free")
        change_plan(by=owner, plan="pro")
        cancel_subscription(by=owner)
        override_feature(
            organization_id=organization.pk,
            feature=Feature.CUSTOM_ROLES,
            is_enabled=False,
            reason="A test.",
        )
        entries = AuditEntry.objects.filter(organization_id=organization.pk).order_by("seq")
        told = [entry.action for entry in entries]
    assert told[-3:] == ["subscription.updated", "subscription.cancelled", "override.created"]


def test_history_cannot_be_changed(organization: Organization) -> None:
    assign_plan(organization_id=organization.pk, plan="free")
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute('DELETE FROM "billing_subscriptionevent"')
    assert history(organization) == ["started", "assigned"]

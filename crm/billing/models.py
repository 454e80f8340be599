"""Plans, subscriptions and the usage ledger."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.billing.managers import (
    OverrideQuerySet,
    PlanQuerySet,
    SubscriptionQuerySet,
    UsageQuerySet,
)
from crm.billing.metrics import PLAN_NAMES, Metric
from crm.billing.plans import ENTERPRISE
from crm.core.ids import uuid7
from crm.core.text.fields import KeyField, ShortProseField
from crm.organizations.models import Organization


class Plan(models.Model):
    """The limits of a plan: ``limits`` by metric; a missing one is unlimited."""

    key = KeyField(_("key"), max_length=20, primary_key=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    limits: Any = models.JSONField(_("limits"), default=dict, blank=True)
    features = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    is_offered = models.BooleanField(
        _("on offer"), default=False, help_text=_("Owners may choose it by themselves.")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["position", "key"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return str(PLAN_NAMES.get(self.key, self.key))

    def limit_of(self, metric: str) -> int | None:
        """Return the limit of a metric, None where it is unlimited."""
        limit = self.limits.get(metric)
        return None if limit is None else int(limit)


class SubscriptionStatus(models.TextChoices):
    TRIAL = "trial", pgettext_lazy("subscription", "Trial")
    ACTIVE = "active", pgettext_lazy("subscription", "Active")
    GRACE = "grace", pgettext_lazy("subscription", "Grace period")


class Subscription(models.Model):
    """The plan of an organization and its current billing period.

    ``next_plan`` takes effect at the period's end; ``cancelled_at`` is set if that is due to a
    cancellation. ``version`` is incremented by every change of limits or period and invalidates
    counters of older versions. ``anchor_day`` is the day of month on which periods start.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, related_name="subscription"
    )
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="+", default=ENTERPRISE)
    status = models.CharField(
        _("status"), max_length=10, choices=SubscriptionStatus, default=SubscriptionStatus.ACTIVE
    )
    period_start = models.DateTimeField(_("period begins"), default=timezone.now)
    period_end = models.DateTimeField(_("period ends"))
    anchor_day = models.PositiveSmallIntegerField(default=1, editable=False)
    next_plan = models.ForeignKey(
        Plan, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)
    renews = models.BooleanField(
        _("renews"),
        default=True,
        help_text=_("Off: at the period's end comes the grace period, then the free plan."),
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SubscriptionQuerySet.as_manager()

    organization_id: UUID

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        indexes = [models.Index(fields=["period_end"], name="subscriptions_by_end")]

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.plan_id}"

    @property
    def plan_key(self) -> str:
        return str(self.plan_id)


class EventType(models.TextChoices):
    STARTED = "started", pgettext_lazy("subscription", "Begun")
    TRIAL_STARTED = "trial_started", pgettext_lazy("subscription", "Trial begun")
    UPGRADED = "upgraded", pgettext_lazy("subscription", "Upgraded")
    DOWNGRADE_ASKED = "downgrade_asked", pgettext_lazy("subscription", "Downgrade planned")
    DOWNGRADED = "downgraded", pgettext_lazy("subscription", "Downgraded")
    CANCELLED = "cancelled", pgettext_lazy("subscription", "Cancelled")
    RESUMED = "resumed", pgettext_lazy("subscription", "Resumed")
    RENEWED = "renewed", pgettext_lazy("subscription", "Renewed")
    GRACE_BEGAN = "grace_began", pgettext_lazy("subscription", "Grace period begun")
    EXPIRED = "expired", pgettext_lazy("subscription", "Expired")
    ASSIGNED = "assigned", pgettext_lazy("subscription", "Set by the operator")


class SubscriptionEvent(models.Model):
    """An event of a subscription, in order; immutable."""

    database_rights: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # As with the ledger, history outlives its organization.
    organization = models.ForeignKey(
        Organization, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    kind = models.CharField(max_length=20, choices=EventType)
    plan_before = models.CharField(max_length=20, blank=True)
    plan_after = models.CharField(max_length=20)
    by = models.CharField(max_length=64, blank=True)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    at = models.DateTimeField(default=timezone.now)

    organization_id: UUID

    class Meta:
        verbose_name = _("event of a subscription")
        verbose_name_plural = _("events of subscriptions")
        indexes = [models.Index(fields=["organization", "-at", "-id"], name="subscription_history")]

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.kind}"

    @property
    def before_name(self) -> str:
        return str(PLAN_NAMES.get(self.plan_before, self.plan_before))

    @property
    def after_name(self) -> str:
        return str(PLAN_NAMES.get(self.plan_after, self.plan_after))


class UsageRecord(models.Model):
    """One entry of the ledger: an amount used, once per ``key``; immutable."""

    database_rights: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The ledger is of what was used; that the organization is gone does not change it.
    organization = models.ForeignKey(
        Organization, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    metric = models.CharField(_("quota"), max_length=20, choices=Metric)
    key = models.CharField(_("key"), max_length=120)
    amount = models.BigIntegerField(_("amount"), default=1)
    period_start = models.DateTimeField(_("period begins"))
    at = models.DateTimeField(_("time"), default=timezone.now)

    objects = UsageQuerySet.as_manager()

    organization_id: UUID

    class Meta:
        verbose_name = _("usage record")
        verbose_name_plural = _("usage records")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "metric", "key"], name="one_use_per_key"
            )
        ]
        indexes = [
            models.Index(
                fields=["organization", "metric", "period_start"],
                include=["amount"],
                name="usage_by_period",
            ),
            models.Index(fields=["organization", "at"], name="usage_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.metric} · {self.amount}"


class UsageSnapshot(models.Model):
    """The last value of a gauge on a day."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    metric = models.CharField(max_length=20, choices=Metric)
    day = models.DateField()
    value = models.BigIntegerField(default=0)
    read_at = models.DateTimeField(default=timezone.now)

    organization_id: UUID

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "metric", "day"], name="one_reading_per_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.metric} · {self.day}"


class Kind(models.TextChoices):
    QUOTA = "quota", _("Quota")
    FEATURE = "feature", _("Feature")


class FeatureOverride(models.Model):
    """An operator's exception to the plan: a quota's limit, or a feature.

    ``limit`` None is unlimited; ``is_enabled`` is for features only.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="feature_overrides"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.QUOTA)
    name = models.CharField(_("quota or feature"), max_length=40)
    limit = models.PositiveBigIntegerField(
        _("limit"), null=True, blank=True, help_text=_("Of a quota; empty means no limit.")
    )
    is_enabled = models.BooleanField(_("included"), default=True, help_text=_("Of a feature."))
    reason = ShortProseField(_("reason"), max_length=500)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OverrideQuerySet.as_manager()

    organization_id: UUID

    class Meta:
        verbose_name = _("override")
        verbose_name_plural = _("overrides")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "name"],
                condition=models.Q(ended_at__isnull=True),
                name="one_override_in_force",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.name}"


class QuotaNotice(models.Model):
    """The record that people were notified of a quota's level, once per period."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    metric = models.CharField(_("quota"), max_length=20, choices=Metric)
    level = models.PositiveSmallIntegerField(_("level in per cent"))
    limit = models.BigIntegerField(_("limit"), default=0)
    period_start = models.DateTimeField()
    at = models.DateTimeField(default=timezone.now)

    organization_id: UUID

    class Meta:
        verbose_name = _("quota notice")
        verbose_name_plural = _("quota notices")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "metric", "level", "limit", "period_start"],
                name="one_notice_per_level",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.metric} · {self.level} %"

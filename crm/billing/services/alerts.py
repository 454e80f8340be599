"""Services that notify people of quota levels, once per period."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from crm.billing import banner, emails
from crm.billing.banner import Warned
from crm.billing.metrics import GAUGES
from crm.billing.models import QuotaNotice, UsageSnapshot
from crm.billing.services.entitlements import terms_of
from crm.billing.services.usage_summary import UsageSummary, usage_summaries_of
from crm.core.mail.services import queue_mail
from crm.core.permissions import Module
from crm.organizations.models import Membership, Organization

# Recipients of a notice: members who may see billing, at most this many.
MAX_LETTERS = 20


def notify_quota_levels(*, organization_id: UUID) -> list[QuotaNotice]:
    """Notify owners of quota levels reached and not notified yet. Return the new notices.

    Safe to repeat: the row of a notice and its emails are one transaction.
    """
    terms = terms_of(organization_id)
    summaries = usage_summaries_of(terms)
    reached = [each for each in summaries if each.level]
    created = [
        notice
        for each in reached
        if (notice := _notify(organization_id, each, terms.subscription.period_start))
    ]
    banner.show(organization_id, [Warned(each.metric.value, each.level) for each in reached])
    _record_usage(organization_id, summaries)
    return created


@transaction.atomic
def _notify(
    organization_id: UUID, summary: UsageSummary, period_start: datetime
) -> QuotaNotice | None:
    notice, is_new = QuotaNotice.objects.get_or_create(
        organization_id=organization_id,
        metric=summary.metric,
        level=summary.level,
        limit=summary.limit or 0,
        period_start=period_start,
    )
    if not is_new:
        return None
    readers = _readers(organization_id)
    name = readers[0].organization.name if readers else ""
    for reader in readers:
        queue_mail(
            kind=f"quota_{summary.level}",
            to=reader.user.email,
            language_code=reader.user.language_code,
            compose=lambda: emails.quota_reached(name, summary),
        )
    return notice


def _readers(organization_id: UUID) -> list[Membership]:
    members = (
        Membership.objects.active()
        .in_organization(organization_id)
        .select_related("user", "organization", "custom_role")
        .order_by("pk")
    )
    return [member for member in members if member.may(Module.BILLING)][:MAX_LETTERS]


def _record_usage(organization_id: UUID, summaries: list[UsageSummary]) -> None:
    """Store today's value of each level, for the history."""
    zone = Organization.objects.values_list("timezone", flat=True).get(pk=organization_id)
    now = timezone.now()
    day = now.astimezone(ZoneInfo(zone)).date()
    UsageSnapshot.objects.bulk_create(
        [
            UsageSnapshot(
                organization_id=organization_id,
                metric=each.metric,
                day=day,
                value=each.used,
                read_at=now,
            )
            for each in summaries
            if each.metric in GAUGES
        ],
        update_conflicts=True,
        unique_fields=["organization", "metric", "day"],
        update_fields=["value", "read_at"],
    )

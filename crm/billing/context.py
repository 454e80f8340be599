"""Context processors of billing."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm.billing import banner
from crm.billing.metrics import METRIC_SPECS, Metric
from crm.core.permissions import Module
from crm.organizations.access import admitted_membership


def quotas(request: HttpRequest) -> dict[str, Any]:
    """Return ``quota_banner`` for templates, computed lazily."""

    def warned() -> list[dict[str, Any]]:
        membership = admitted_membership(request)
        if not membership or not membership.may(Module.BILLING):
            return []
        return [
            {
                "label": Metric(each.metric).label,
                "is_used_up": each.level >= 100,
                "hint": METRIC_SPECS[Metric(each.metric)].hint,
            }
            for each in banner.shown(membership.organization_id)
        ]

    return {"quota_banner": SimpleLazyObject(warned)}

"""Services of plans and quotas, by noun."""

from crm.billing.services.entitlements import Entitlements, has_feature, require_feature, terms_of
from crm.billing.services.metering import Use, check_quota, consume
from crm.billing.services.subscriptions import start_subscription, subscription_of

__all__ = [
    "Entitlements",
    "Use",
    "check_quota",
    "consume",
    "has_feature",
    "require_feature",
    "start_subscription",
    "subscription_of",
    "terms_of",
]

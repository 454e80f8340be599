"""Services of plans and quotas, by noun."""

from crm.billing.services.subscriptions import start_subscription, subscription_of
from crm.billing.services.terms import Terms, has_feature, require_feature, terms_of
from crm.billing.services.using import Use, consume, require_room

__all__ = [
    "Terms",
    "Use",
    "consume",
    "has_feature",
    "require_feature",
    "require_room",
    "start_subscription",
    "subscription_of",
    "terms_of",
]

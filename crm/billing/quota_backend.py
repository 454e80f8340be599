"""The quota backend of the apps below, see `crm.core.quotas`."""

from uuid import UUID

from crm.billing import services
from crm.billing.services.subscriptions import start_at_sign_up


class PlanQuotaBackend:
    def check_quota(self, metric: str, *, organization_id: UUID, amount: int) -> None:
        services.check_quota(metric, organization_id=organization_id, amount=amount)

    def require_feature(self, name: str, *, organization_id: UUID) -> None:
        services.require_feature(name, organization_id=organization_id)

    def organization_created(self, *, organization_id: UUID) -> None:
        start_at_sign_up(organization_id=organization_id)

"""The quota backend of the apps below, see `crm.core.quotas`."""

from uuid import UUID

from crm.billing import services
from crm.billing.services.subscriptions import start_at_sign_up


class PlanKeeper:
    def require_room(self, metric: str, *, organization_id: UUID, amount: int) -> None:
        services.require_room(metric, organization_id=organization_id, amount=amount)

    def require_feature(self, name: str, *, organization_id: UUID) -> None:
        services.require_feature(name, organization_id=organization_id)

    def organization_founded(self, *, organization_id: UUID) -> None:
        start_at_sign_up(organization_id=organization_id)

"""Models of deals."""

from crm.deals.models.deal import Deal, DealMove, Status
from crm.deals.models.pipeline import LostReason, Pipeline, SalesSetting, Stage, StageKind

__all__ = [
    "Deal",
    "DealMove",
    "LostReason",
    "Pipeline",
    "SalesSetting",
    "Stage",
    "StageKind",
    "Status",
]

"""Models of deals."""

from crm.deals.models.deal import Deal, DealMove, DealWord, Status
from crm.deals.models.pipeline import LostReason, Pipeline, SalesSetting, Stage, StageKind

__all__ = [
    "Deal",
    "DealMove",
    "DealWord",
    "LostReason",
    "Pipeline",
    "SalesSetting",
    "Stage",
    "StageKind",
    "Status",
]

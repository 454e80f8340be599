"""Services of deals: the only writers."""

from crm.deals.services.deals import create_deal, update_deal
from crm.deals.services.pipelines import (
    create_default_pipeline,
    create_pipeline,
    delete_pipeline,
    update_pipeline,
)
from crm.deals.services.stages import create_stage, delete_stage, update_stage

__all__ = [
    "create_deal",
    "create_default_pipeline",
    "create_pipeline",
    "create_stage",
    "delete_pipeline",
    "delete_stage",
    "update_deal",
    "update_pipeline",
    "update_stage",
]

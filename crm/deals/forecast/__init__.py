"""The forecast: what open deals may bring by month, and what changed lately."""

from crm.deals.forecast.changes import LostReasonFigure, Recent, recent_changes
from crm.deals.forecast.figures import COMMIT_FROM, Figure, Measure, list_url
from crm.deals.forecast.months import Forecast, GroupBy, Row, forecast

__all__ = [
    "COMMIT_FROM",
    "Figure",
    "Forecast",
    "GroupBy",
    "LostReasonFigure",
    "Measure",
    "Recent",
    "Row",
    "forecast",
    "list_url",
    "recent_changes",
]

"""The page of the forecast."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm.core.money import shown_amount
from crm.core.permissions import Module, Principal, require
from crm.core.permissions.requests import member_required, principal_of
from crm.core.records import get_record
from crm.deals.forecast import (
    COMMIT_FROM,
    Figure,
    GroupBy,
    Measure,
    forecast,
    recent_changes,
)
from crm.deals.forecast.months import Period
from crm.deals.models import Pipeline
from crm.organizations.services.currencies import base_currency

_MEASURES = {
    Measure.WEIGHTED: gettext_lazy("Weighted"),
    Measure.COMMITTED: gettext_lazy("Committed"),
    Measure.TOTAL: pgettext_lazy("forecast", "Total"),
}
_EXPLAINED = {
    Measure.WEIGHTED: gettext_lazy("Open deals, each by the probability of its stage."),
    Measure.COMMITTED: gettext_lazy(
        "What was won in this month, and open deals in stages of at least %(percent)s %%."
    ),
    Measure.TOTAL: gettext_lazy("Open deals with their whole amounts."),
}
_RECENT = {
    "open": gettext_lazy("Open deals"),
    "rotting": pgettext_lazy("deals", "Rotting"),
    "overdue": gettext_lazy("Overdue"),
}
_WEEK = {
    "new": pgettext_lazy("deals", "New"),
    "moved": gettext_lazy("Moved to another stage"),
    "won": pgettext_lazy("deals", "Won"),
    "lost": pgettext_lazy("deals", "Lost"),
}
_PERIODS = {
    "earlier": gettext_lazy("Earlier"),
    "later": gettext_lazy("Later"),
    "none": gettext_lazy("No day"),
}


@never_cache
@member_required
@require_safe
def forecast_page(request: HttpRequest) -> HttpResponse:
    """Render the forecast; what the address asks for and is not there counts as not asked for."""
    reader = principal_of(request)
    require(reader, Module.DEALS)
    pipelines = list(Pipeline.objects.visible_to(reader).order_by("position", "pk"))
    group_by = _chosen(GroupBy, request.GET.get("by", ""), GroupBy.OWNER)
    measure = _chosen(Measure, request.GET.get("measure", ""), Measure.WEIGHTED)
    known = {str(each.pk): each.pk for each in pipelines}
    pipeline_id: UUID | None = known.get(request.GET.get("pipeline", ""))
    record = get_record("deals")
    groups = {each: field.heading for each in GroupBy if (field := record.field(each.column))}
    currency = base_currency(reader.organization_id)
    asked = {"by": group_by, "measure": measure, "pipeline": str(pipeline_id or "")}
    context: dict[str, Any] = {
        "active_section": "deals",
        "record": record,
        "page_url": record.reverse("forecast"),
        "group_label": groups[group_by],
        "groups": _choices(groups, "by", asked),
        "measures": _choices(_MEASURES, "measure", asked),
        "pipelines": _choices(
            {"": _("All pipelines"), **{str(each.pk): each.name for each in pipelines}},
            "pipeline",
            asked,
        )
        if len(pipelines) > 1
        else [],
        "explained": _EXPLAINED[measure] % {"percent": COMMIT_FROM},
        "currency": currency,
    }
    context |= _table(reader, currency, group_by, measure, pipeline_id)
    context |= _recent(reader, currency, pipeline_id)
    return render(request, "deals/forecast.html", context)


def _chosen(kind: Any, text: str, default: Any) -> Any:
    return kind(text) if text in set(kind) else default


def _choices(options: Any, name: str, asked: dict[str, str]) -> list[dict[str, Any]]:
    """Return the choices of a switch with their addresses."""
    return [
        {
            "label": label,
            "is_chosen": asked[name] == key,
            "url": f"?{urlencode({**asked, name: key})}",
        }
        for key, label in options.items()
    ]


def _table(
    reader: Principal,
    currency: str,
    group_by: GroupBy,
    measure: Measure,
    pipeline_id: UUID | None,
) -> dict[str, Any]:
    found = forecast(reader, group_by=group_by, measure=measure, pipeline_id=pipeline_id)
    # Months are shown without deals too, what is around them only where it has any.
    shown = [
        number
        for number, (period, total) in enumerate(zip(found.periods, found.totals, strict=True))
        if total.count or period.key not in _PERIODS
    ]
    labels = [_label(found.periods[number]) for number in shown]

    def line(label: str, cells: Any, total: Figure) -> dict[str, Any]:
        return {
            "label": label,
            "cells": [
                {**_shown(cells[number], currency), "period": period}
                for number, period in zip(shown, labels, strict=True)
            ],
            "total": _shown(total, currency),
        }

    return {
        "periods": labels,
        "rows": [line(row.label, row.cells, row.total) for row in found.rows],
        "totals": line("", found.totals, found.total),
    }


def _recent(reader: Principal, currency: str, pipeline_id: UUID | None) -> dict[str, Any]:
    found = recent_changes(reader, pipeline_id=pipeline_id)
    figures = {key: _shown(each, currency) for key, each in found.figures.items()}
    most = max((each.figure.count for each in found.lost_reasons), default=0)
    return {
        "now": [{"key": key, "label": label, **figures[key]} for key, label in _RECENT.items()],
        "week": [{"key": key, "label": label, **figures[key]} for key, label in _WEEK.items()],
        "inflow": shown_amount(found.inflow, currency),
        "inflow_sign": "+" if found.inflow > 0 else "",
        "lost_reasons": [
            {
                "label": each.label,
                "share": each.share,
                "width": round(100 * each.figure.count / most),
                **_shown(each.figure, currency),
            }
            for each in found.lost_reasons
        ],
        "unrated": [
            {"currency": each, **_shown(figure, each)} for each, figure in found.unrated.items()
        ],
        "may_rate": reader.may(Module.SETTINGS),
    }


def _label(period: Period) -> str:
    if period.key in _PERIODS:
        return str(_PERIODS[period.key])
    return date_format(period.start, "YEAR_MONTH_FORMAT") if period.start else ""


def _shown(figure: Figure, currency: str) -> dict[str, Any]:
    return {
        "count": figure.count,
        "amount": shown_amount(figure.amount, currency),
        "url": figure.url,
    }

"""The forecast over HTTP."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.core.api import Query, refuses
from crm.core.api.module_view import ModuleView
from crm.core.permissions import Module
from crm.core.records.value_fields import AmountApiField
from crm.deals.errors import PipelineNotFound
from crm.deals.forecast import Figure, Forecast, GroupBy, Measure, Recent, forecast, recent_changes
from crm.deals.models import Pipeline
from crm.organizations.services.currencies import base_currency


class ForecastQuery(Query):
    group_by = serializers.ChoiceField(
        choices=[each.value for each in GroupBy], default=GroupBy.OWNER.value
    )
    measure = serializers.ChoiceField(
        choices=[each.value for each in Measure],
        default=Measure.WEIGHTED.value,
        help_text="Amounts of open deals (`total`), those by the probability of their stages "
        "(`weighted`), or what was won in this month and open deals in stages of at least 70 % "
        "(`committed`).",
    )
    pipeline_id = serializers.UUIDField(required=False)


class FigureSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    amount = AmountApiField()
    where = serializers.JSONField(help_text="The filter that lists these deals.")


class ForecastRowSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True, help_text="Null for deals of nobody.")
    name = serializers.CharField()
    periods = FigureSerializer(many=True)
    sum = FigureSerializer()


class LostReasonFigureSerializer(FigureSerializer):
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()


class DealForecastSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    periods = serializers.ListField(
        child=serializers.CharField(),
        help_text="`earlier`, six months from this one on as YYYY-MM, `later`, `none`.",
    )
    rows = ForecastRowSerializer(many=True)
    sums = FigureSerializer(many=True)
    sum = FigureSerializer()
    now = serializers.DictField(
        child=FigureSerializer(), help_text="`open`, `rotting` and `overdue` deals."
    )
    week = serializers.DictField(
        child=FigureSerializer(),
        help_text="Of the last seven days: `new`, `moved`, `won` and `lost` deals.",
    )
    inflow = AmountApiField(
        help_text="What came into the open pipeline in that week, less what left it."
    )
    lost_reasons = LostReasonFigureSerializer(many=True)
    unrated = serializers.DictField(
        child=FigureSerializer(),
        help_text="By currency: open deals whose amounts have no exchange rate.",
    )


class DealForecast(ModuleView):
    area = Module.DEALS

    @extend_schema(
        operation_id="deals_forecast",
        tags=["deals"],
        parameters=[ForecastQuery],
        responses=DealForecastSerializer,
    )
    @refuses(404)
    def get(self, request: Request) -> Response:
        """Return what open deals may bring by month, and what changed lately."""
        asked, reader = ForecastQuery.read(request), self.principal
        pipeline_id = asked["pipeline_id"]
        if pipeline_id and not Pipeline.objects.visible_to(reader).filter(pk=pipeline_id).exists():
            raise PipelineNotFound
        table = forecast(
            reader,
            group_by=GroupBy(asked["group_by"]),
            measure=Measure(asked["measure"]),
            pipeline_id=pipeline_id,
        )
        recent = recent_changes(reader, pipeline_id=pipeline_id)
        found = {"currency": base_currency(reader.organization_id)}
        return Response(DealForecastSerializer(found | _table(table) | _recent(recent)).data)


def _table(found: Forecast) -> dict[str, Any]:
    return {
        "periods": [each.key for each in found.periods],
        "rows": [
            {"id": row.key or None, "name": row.label, "periods": row.cells, "sum": row.total}
            for row in found.rows
        ],
        "sums": found.totals,
        "sum": found.total,
    }


def _recent(found: Recent) -> dict[str, Any]:
    def named(*keys: str) -> dict[str, Figure]:
        return {key: found.figures[key] for key in keys}

    return {
        "now": named("open", "rotting", "overdue"),
        "week": named("new", "moved", "won", "lost"),
        "inflow": found.inflow,
        "lost_reasons": [
            {
                "id": each.key or None,
                "name": each.label,
                "count": each.figure.count,
                "amount": each.figure.amount,
                "where": each.figure.where,
            }
            for each in found.lost_reasons
        ],
        "unrated": found.unrated,
    }

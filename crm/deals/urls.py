"""The addresses of deals."""

from django.urls import include, path

from crm.core.records import get_record
from crm.core.records.api_views import record_api_urls
from crm.core.records.pages import record_urls
from crm.deals.api import pipeline_api_urls
from crm.deals.forecast_api import DealForecast
from crm.deals.views import pipelines, stages
from crm.deals.views.forecast import forecast_page

_reasons = [
    *record_urls(get_record("lost-reasons")),
    *record_api_urls(
        get_record("lost-reasons"),
        path="api/v1/lost-reasons",
        names=("api_lost_reasons", "api_lost_reason"),
        create_example={"name": "Too far away", "position": 1},
        update_example={"name": "We do not deliver there"},
    ),
]

_pipeline = "app/settings/pipelines/<uuid:pipeline_id>"
_stage = "app/settings/stages/<uuid:stage_id>"

app_name = "deals"
urlpatterns = [
    path("", include((_reasons, "lost_reasons"))),
    path("app/deals/forecast/", forecast_page, name="forecast"),
    path("api/v1/deals/forecast", DealForecast.as_view(), name="api_forecast"),
    path("app/settings/pipelines/", pipelines.pipelines, name="pipelines"),
    path("app/settings/pipelines/new/", pipelines.new_pipeline, name="new_pipeline"),
    path(f"{_pipeline}/", pipelines.pipeline, name="pipeline"),
    path(f"{_pipeline}/place/", pipelines.place_pipeline, name="place_pipeline"),
    path(f"{_pipeline}/delete/", pipelines.remove_pipeline, name="delete_pipeline"),
    path(f"{_pipeline}/stages/new/", stages.new_stage, name="new_stage"),
    path(f"{_stage}/", stages.stage, name="stage"),
    path(f"{_stage}/place/", stages.place_stage, name="place_stage"),
    path(f"{_stage}/delete/", stages.remove_stage, name="delete_stage"),
    *pipeline_api_urls(),
    *record_urls(get_record("deals")),
    *record_api_urls(
        get_record("deals"),
        path="api/v1/deals",
        names=("api_deals", "api_deal"),
        create_example={"name": "Beans for a hotel", "amount": "1200.50", "currency": "USD"},
        update_example={"expected_on": "2026-12-24"},
    ),
]

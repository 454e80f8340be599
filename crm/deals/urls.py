"""The addresses of deals."""

from crm.core.records import get_record
from crm.core.records.api_views import record_api_urls
from crm.core.records.pages import record_urls

app_name = "deals"
urlpatterns = [
    *record_urls(get_record("deals")),
    *record_api_urls(
        get_record("deals"),
        path="api/v1/deals",
        names=("api_deals", "api_deal"),
        create_example={"name": "Beans for a hotel", "amount": "1200.50", "currency": "USD"},
        update_example={"expected_on": "2026-12-24"},
    ),
]

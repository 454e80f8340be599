"""The addresses of the installation, and those of umbrellas."""

from django.urls import include, path

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as installed
from crm.core.records import get_record
from crm.core.records.api_views import record_api_urls
from crm.core.records.pages import record_urls

__all__ = ["handler400", "handler403", "handler404", "handler500"]

_own = [
    *record_urls(get_record("umbrellas")),
    *record_api_urls(
        get_record("umbrellas"),
        path="api/v1/umbrellas",
        names=("api_umbrellas", "api_umbrella"),
        create_example={"name": "Big one", "ribs": 16},
        update_example={"is_lent": True},
    ),
]
urlpatterns = [path("", include((_own, "umbrellas"))), *installed]

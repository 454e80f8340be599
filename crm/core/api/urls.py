"""URLs of the API's description and its 404; included after every other URL."""

from django.urls import path, re_path

from crm.core.api import views

app_name = "api"
urlpatterns = [
    path("api/v1/openapi.json", views.OpenApi.as_view(), name="openapi"),
    path("api/docs/", views.reference, name="reference"),
    re_path(r"^api/", views.nothing_here),
]

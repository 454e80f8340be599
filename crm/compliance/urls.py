from django.urls import path

from crm.compliance import api, views

app_name = "compliance"
_export = "app/settings/audit/exports/<uuid:export_id>"

urlpatterns = [
    path("app/settings/audit/", views.audit, name="audit"),
    path("app/settings/audit/exports/", views.start_export, name="start_export"),
    path(f"{_export}/", views.export_state, name="export_state"),
    path(f"{_export}/cancel/", views.cancel, name="cancel_export"),
    path(f"{_export}/file/", views.fetch, name="fetch_export"),
    path("api/v1/audit", api.AuditEntries.as_view(), name="entries"),
]

from django.urls import path

from crm.compliance.api import entries
from crm.compliance.api import holds as api_holds
from crm.compliance.views import audit, holds

app_name = "compliance"

urlpatterns = [
    path("app/settings/audit/", audit.audit, name="audit"),
    path("app/settings/audit/exports/", audit.export, name="start_export"),
    path("app/settings/legal-holds/", holds.holds, name="holds"),
    path("app/settings/legal-holds/<uuid:hold_id>/lift/", holds.lift, name="lift_hold"),
    path("api/v1/audit", entries.AuditEntries.as_view(), name="entries"),
    path("api/v1/legal-holds", api_holds.LegalHolds.as_view(), name="legal_holds"),
    path(
        "api/v1/legal-holds/<uuid:hold_id>/lift",
        api_holds.LegalHoldLift.as_view(),
        name="legal_hold_lift",
    ),
]

"""Every URL of the installation."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="chat:inbox"), name="home"),
    path("app/", RedirectView.as_view(pattern_name="chat:inbox"), name="home_of_app"),
    # Before the others: a path is compared with every pattern in front of its own, and most
    # requests are about messages.
    path("", include("chat.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("crm.operations.urls")),
    path("", include("crm.core.urls")),
    path("", include("crm.organizations.urls")),
    path("", include("crm.authentication.urls")),
    path("", include("crm.authentication.urls.allauth")),
    path("", include("crm.core.mail.urls")),
    path("", include("crm.core.jobs.urls")),
    path("", include("crm.core.notifications.urls")),
    path("", include("crm.core.transfer.urls")),
    path("", include("crm.customers.urls")),
    path("", include("crm.deals.urls")),
    path("", include("crm.billing.urls")),
    path("", include("crm.compliance.urls")),
    path("", include("knowledge.urls")),
    path("", include("crm.core.api.urls")),
]

handler400 = "crm.core.http.views.bad_request"
handler403 = "crm.core.http.views.permission_denied"
handler404 = "crm.core.http.views.not_found"
handler500 = "crm.core.http.views.server_error"

from django.urls import path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from crm.accounts.views import impersonation, kept_forms
from crm.accounts.views import login as views

urlpatterns = [
    path("login/", views.log_in_page, name="log_in"),
    path("logout/", views.log_out_now, name="log_out"),
    path("account/no-organization/", views.no_organization, name="no_organization"),
    path("account/organization/", views.switch_organization, name="switch_organization"),
    path("account/impersonation/stop/", impersonation.stop, name="stop_impersonation"),
    path("account/kept-form/", kept_forms.kept_form, name="kept_form"),
    path("account/kept-form/<str:key>/", kept_forms.kept_form, name="one_kept_form"),
    path("account/language/", views.set_language, name="set_language"),
    path("account/timezone/", views.set_timezone, name="set_timezone"),
    # The texts that scripts show, in the language of the page (its code is in the query).
    path(
        "texts.js",
        cache_control(private=True, max_age=300)(
            JavaScriptCatalog.as_view(packages=["crm.accounts", "chat"])
        ),
        name="javascript_catalog",
    ),
]

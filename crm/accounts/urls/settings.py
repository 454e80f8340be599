from django.urls import path

from crm.accounts.views import settings as pages

urlpatterns = [
    path("app/settings/", pages.index, name="settings"),
    path("app/settings/profile/", pages.profile, name="profile"),
    path("app/settings/organization/", pages.organization, name="organization"),
]

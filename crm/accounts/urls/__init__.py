"""The pages of accounts, by part."""

from crm.accounts.urls import access, api, entrance, roles, settings

app_name = "accounts"
urlpatterns = [
    *access.urlpatterns,
    *api.urlpatterns,
    *entrance.urlpatterns,
    *settings.urlpatterns,
    *roles.urlpatterns,
]

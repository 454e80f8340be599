"""The pages of accounts, by part."""

from crm.accounts.urls import access, api, login, roles, settings

app_name = "accounts"
urlpatterns = [
    *access.urlpatterns,
    *api.urlpatterns,
    *login.urlpatterns,
    *settings.urlpatterns,
    *roles.urlpatterns,
]

"""The pages of accounts, by part."""

from crm.accounts.urls import api, entrance, roles, settings

app_name = "accounts"
urlpatterns = [*api.urlpatterns, *entrance.urlpatterns, *settings.urlpatterns, *roles.urlpatterns]

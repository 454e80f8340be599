"""The pages of accounts, by part."""

from crm.accounts.urls import entrance, settings

app_name = "accounts"
urlpatterns = [*entrance.urlpatterns, *settings.urlpatterns]

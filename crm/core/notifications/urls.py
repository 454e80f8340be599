from django.urls import path

from crm.core.notifications import api, views

app_name = "notifications"
_page, _api = "app/notifications/", "api/v1/notifications"

urlpatterns = [
    path(_page, views.notification_list, name="list"),
    path(f"{_page}read/", views.read_all, name="read_all"),
    path(f"{_page}<uuid:notification_id>/open/", views.open_notification, name="open"),
    path("app/settings/notification-kinds/", views.preferences, name="preferences"),
    path(_api, api.Notifications.as_view(), name="api_list"),
    path(f"{_api}/read", api.ReadNotifications.as_view(), name="api_read"),
    path(f"{_api}/settings", api.NotificationSettingsView.as_view(), name="api_settings"),
]

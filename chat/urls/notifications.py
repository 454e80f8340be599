from django.urls import path

from chat.views import notifications

urlpatterns = [
    path("app/settings/notifications/", notifications.notifications, name="notifications"),
]

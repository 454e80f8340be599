from django.urls import path

from chat.views import start

urlpatterns = [
    path("app/start/", start.start, name="start"),
    path("app/start/dismiss/", start.dismiss, name="dismiss_start"),
]

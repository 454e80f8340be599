"""The pages and API of chat, by part."""

from chat.urls import (
    demo,
    identity,
    inbox,
    notifications,
    questions,
    start,
    streams,
    widget,
)

app_name = "chat"
urlpatterns = [
    *streams.urlpatterns,
    *widget.urlpatterns,
    *identity.urlpatterns,
    *start.urlpatterns,
    *notifications.urlpatterns,
    *inbox.urlpatterns,
    *questions.urlpatterns,
    *demo.urlpatterns,
]

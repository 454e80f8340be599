"""The pages and API of chat, by part."""

from chat.urls import demo, identity, inbox, notifications, questions, streams, widget

app_name = "chat"
urlpatterns = [
    *streams.urlpatterns,
    *widget.urlpatterns,
    *identity.urlpatterns,
    *notifications.urlpatterns,
    *inbox.urlpatterns,
    *questions.urlpatterns,
    *demo.urlpatterns,
]

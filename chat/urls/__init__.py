"""The pages and API of chat, by part."""

from chat.urls import demo, inbox, streams, widget

app_name = "chat"
urlpatterns = [
    *streams.urlpatterns,
    *widget.urlpatterns,
    *inbox.urlpatterns,
    *demo.urlpatterns,
]

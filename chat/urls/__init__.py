"""The pages and API of chat, by part."""

from chat.urls import demo, inbox, questions, streams, widget

app_name = "chat"
urlpatterns = [
    *streams.urlpatterns,
    *widget.urlpatterns,
    *inbox.urlpatterns,
    *questions.urlpatterns,
    *demo.urlpatterns,
]

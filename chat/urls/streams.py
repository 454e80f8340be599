from django.urls import path

from chat.api import sessions, streams

_stream = "api/v1/streams/<str:stream>"

urlpatterns = [
    path("api/v1/widget/sessions", sessions.WidgetSessions.as_view(), name="widget_sessions"),
    path("api/v1/widget/tickets", sessions.WidgetTickets.as_view(), name="widget_tickets"),
    path("api/v1/inbox/tickets", sessions.InboxTickets.as_view(), name="inbox_tickets"),
    path(
        "api/v1/streams/new/messages",
        streams.FirstMessage.as_view(),
        name="first_message",
    ),
    path(_stream, streams.Stream.as_view(), name="stream"),
    path(f"{_stream}/events", streams.Events.as_view(), name="stream_events"),
    path(f"{_stream}/messages", streams.Messages.as_view(), name="stream_messages"),
    path(f"{_stream}/messages/batch", streams.MessageBatch.as_view(), name="stream_batch"),
    path(
        f"{_stream}/messages/<uuid:message_id>",
        streams.StoredMessage.as_view(),
        name="stream_message",
    ),
    path(f"{_stream}/seen", streams.SeenPosition.as_view(), name="stream_seen"),
]

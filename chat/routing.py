"""ASGI routes of chat outside of Django's handler."""

from django.urls import path

from chat.consumers import InboxConsumer, LongPollConsumer, MemberConsumer, WidgetConsumer
from chat.consumers.long_poll import ROUTE

websocket_urlpatterns = [
    path("ws/widget/", WidgetConsumer.as_asgi()),
    path("ws/inbox/", InboxConsumer.as_asgi()),
    path("ws/member/", MemberConsumer.as_asgi()),
]
long_poll_urlpatterns = [
    path(ROUTE, LongPollConsumer.as_asgi()),
]

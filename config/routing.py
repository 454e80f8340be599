"""ASGI routes outside of Django's handler."""

from chat.routing import long_poll_urlpatterns, websocket_urlpatterns

__all__ = ["long_poll_urlpatterns", "websocket_urlpatterns"]

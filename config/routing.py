"""What of the installation is not served by Django's own handler."""

from chat.routing import long_poll_urlpatterns, websocket_urlpatterns

__all__ = ["long_poll_urlpatterns", "websocket_urlpatterns"]

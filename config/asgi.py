"""HTTP and WebSocket, in one process."""

import os
import re
from collections.abc import Awaitable, Callable
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

from crm.core.http.asgi_handler import application as django_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
django_application = django_asgi_application()

from config.routing import long_poll_urlpatterns, websocket_urlpatterns  # noqa: E402  models exist only from here on
from crm.core.http.body_limit import bounded  # noqa: E402  settings are complete from here on

_pages = bounded(django_application)
_long_polls = URLRouter(long_poll_urlpatterns)
_LONG_POLL = re.compile(r"/api/v1/streams/[^/]+/events")
# Looked for as it is sent: to decode the query is the business of who answers.
_WAIT = re.compile(rb"(?:^|&)wait(?:=|&|$)")
Scope = dict[str, Any]
Call = Callable[..., Awaitable[Any]]


async def _http(scope: Scope, receive: Call, send: Call) -> None:
    """Route waiting long polls past Django: its synchronous middleware would hold a thread each."""
    waits = (
        scope["method"] == "GET"
        and _LONG_POLL.fullmatch(scope["path"]) is not None
        and _WAIT.search(scope["query_string"]) is not None
    )
    await (_long_polls if waits else _pages)(scope, receive, send)


async def _no_such_socket(scope: Scope, receive: Call, send: Call) -> None:
    await send({"type": "websocket.close"})


# Django's types know views alone.
_nowhere: Any = _no_such_socket
_sockets = URLRouter([*websocket_urlpatterns, re_path("", _nowhere)])
application = ProtocolTypeRouter({"http": _http, "websocket": _sockets})

"""Django's ASGI handler, running a whole request in one thread.

Django's own starts a thread for every request and alternates between it and the event loop for
signals, middleware, view and closing. Under load each switch waits for the loop. Views and
middleware here are synchronous, so one switch is enough.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import IO, Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

from crm.core.http.forwarded import counted_address
from crm.core.http.turns import Turns
from crm.core.http.unreadable import refused, request_of

Scope = dict[str, Any]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.ASGI_REQUEST_THREADS, thread_name_prefix="request")


class Handler(ASGIHandler):
    """Works as `ASGIHandler` does; a client's disconnect does not cancel the request.

    Of one address ASGI_REQUESTS_PER_ADDRESS are worked on at once, whose threads and connections
    the others would wait for.
    """

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._turns = Turns(settings.ASGI_REQUESTS_PER_ADDRESS)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        response = await self._answer_in_turn(scope, body)
        if not response.streaming:
            with suppress(ConnectionAbortedError):
                await self.send_response(response, send)
            return
        # Its content is made while it is sent: in a thread of its own, as in Django.
        async with ThreadSensitiveContext():
            try:
                with suppress(ConnectionAbortedError):
                    await self.send_response(response, send)
            finally:
                await sync_to_async(response.close)()

    async def _answer_in_turn(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        client = scope.get("client") or ("",)
        address = counted_address(str(client[0]))
        try:
            await self._turns.take(address)
        except asyncio.CancelledError:
            body.close()
            raise
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        work = _threads().submit(context.run, self._answer, scope, body)
        # When its thread is free again, also where the server gave up the answer before.
        work.add_done_callback(
            lambda _work: loop.call_soon_threadsafe(self._turns.give_back, address)
        )
        return await asyncio.wrap_future(work)

    def _answer(self, scope: Scope, body: IO[bytes]) -> HttpResponseBase:
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = request_of(scope, body)
        response: Any
        if refusal is not None:
            response = refused(request, refusal)
            # As `HttpResponseBase.close` does for a response of a view.
            response._resource_closers.append(request.close)
        else:
            response = self.get_response(request)
        response._handler_class = self.__class__
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if response.streaming:
            # It is made and closed in another thread: this one keeps no connection meanwhile.
            close_old_connections()
        else:
            # Connections go back to their pool now, not when the client has read.
            response.close()
        return response


def application() -> Callable[..., Any]:
    """Return Django as an ASGI application, as `django.core.asgi.get_asgi_application` does."""
    import django

    django.setup(set_prefix=False)
    return Handler()

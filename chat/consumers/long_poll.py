"""Long polling: the same events where WebSockets are blocked; waits without holding a thread."""

import asyncio
import logging
import time
from io import BytesIO
from typing import Any
from uuid import UUID

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import ResolverMatch
from django.utils import translation
from django.utils.cache import patch_cache_control

from chat.authentication import bearer_token, viewer_of
from chat.consumers.origins import header
from chat.events import conversation_group
from chat.long_poll import EventsQuery, answer, parse_query
from chat.participants import Viewer, Visitor, conversation_id_of
from crm.billing.throttle import count_api_call
from crm.core import ratelimit, tenancy
from crm.core.errors import AppError, InternalError, Invalid
from crm.core.executor import run_sync
from crm.core.http.exceptions import problem_json
from crm.core.http.response_headers import dress, rejection_of
from crm.core.http.unreadable import request_of
from crm.core.observability.correlation import finish, trace_of
from crm.core.observability.tracing import bind_trace
from crm.core.permissions import ApiKeyPrincipal
from crm.core.ratelimit.headers import record_limit_statuses
from crm.core.ratelimit.keys import client_address
from crm.core.ratelimit.limiter import Subjects
from crm.core.ratelimit.middleware import with_rate_limit_headers
from crm.core.shutdown import is_draining
from crm.core.store_errors import outage_refusals

logger = logging.getLogger(__name__)

ROUTE = "api/v1/streams/<str:stream>/events"
# How often a waiting request looks whether the process was told to go.
GLANCE_SECONDS = 1.0


def _match(kwargs: dict[str, Any]) -> ResolverMatch:
    """Return the match that names the request in the log and the metrics, apart from short
    requests.
    """
    return ResolverMatch(
        LongPollConsumer,
        (),
        kwargs,
        url_name="long_poll",
        app_names=["chat"],
        namespaces=["chat"],
        route=ROUTE,
    )


class LongPollConsumer(AsyncHttpConsumer):
    """Respond at once if there are events, else when one arrives or the time is over."""

    def __init__(self) -> None:
        super().__init__()
        self._hint = asyncio.Event()
        self._groups: tuple[str, ...] = ()
        self._work: asyncio.Task[None] | None = None
        self._started = time.perf_counter()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Call the handler directly, not through Channels' single shared thread."""
        await getattr(self, get_handler_name(message))(message)

    async def http_request(self, message: dict[str, Any]) -> None:
        if not message.get("more_body") and self._work is None:
            self._request, self._refusal = request_of(self.scope, BytesIO())
            self._request.resolver_match = _match(self.scope["url_route"]["kwargs"])
            self._trace = trace_of(self._request)
            # Beside the dispatching, which must be free for hints.
            self._work = asyncio.ensure_future(self._serve())
            self._work.add_done_callback(self._on_done)

    async def http_disconnect(self, message: dict[str, Any]) -> None:
        if self._work is not None and not self._work.done():
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self._leave()
        raise StopConsumer

    def _on_done(self, work: "asyncio.Task[None]") -> None:
        if not work.cancelled() and (error := work.exception()):
            with bind_trace(self._trace):
                logger.error("A long poll failed.", exc_info=error)
            self._apology = asyncio.ensure_future(self._apologize())

    async def _apologize(self) -> None:
        try:
            await self._respond(problem_json(InternalError()))
        except Exception:  # noqa: BLE001  without any answer the connection would stay open
            await self.send_response(InternalError.status, b"")

    async def stream_hint(self, message: dict[str, Any]) -> None:
        self._hint.set()

    async def socket_kick(self, message: dict[str, Any]) -> None:
        """Wake the waiting request, which authenticates again."""
        self._hint.set()

    socket_recheck = widget_paused = socket_kick

    async def layer_reconnected(self, message: dict[str, Any]) -> None:
        self._hint.set()

    async def stream_receipts(self, message: dict[str, Any]) -> None:
        """Ignore receipts: a polling client requests the conversation's state."""

    stream_typing = stream_presence = stream_receipts

    async def _serve(self) -> None:
        with bind_trace(self._trace), tenancy.no_tenant():
            response = None if self._refusal else rejection_of(self._request)
            if response is None:
                try:
                    if self._refusal:
                        raise self._refusal
                    with outage_refusals():
                        response = JsonResponse(await self._answer())
                except AppError as refusal:
                    with translation.override(settings.LANGUAGE_CODE):
                        response = problem_json(refusal)
                response = await run_sync(with_rate_limit_headers, self._request, response)
            await self._leave()
            await self._respond(response)

    async def _respond(self, response: HttpResponse) -> None:
        patch_cache_control(response, no_store=True, private=True)
        response["Content-Length"] = str(len(response.content))
        dress(self._request, response)
        finish(self._request, response, self._trace, self._started)
        await self.send_response(
            response.status_code,
            response.content,
            headers=[(name.lower().encode(), value.encode()) for name, value in response.items()],
        )

    async def _answer(self) -> dict[str, Any]:
        try:
            given = QueryDict(self.scope["query_string"])
        except TooManyFieldsSent as error:
            raise Invalid from error
        query = parse_query(given.dict())
        stream: str = self.scope["url_route"]["kwargs"]["stream"]
        viewer = await run_sync(
            _counted_viewer,
            self._request,
            authorization=header(self.scope, b"authorization"),
            cookie=header(self.scope, b"cookie"),
        )
        self._trace.user_of = lambda: viewer.log_name
        tenancy.enter(viewer.organization_id)
        found = await run_sync(answer, viewer, stream=stream, query=query)
        if found["events"] or not found["recovered"] or not query.wait:
            return found
        return await self._wait(viewer, stream, query)

    async def _wait(self, viewer: Viewer, stream: str, query: EventsQuery) -> dict[str, Any]:
        """Join the group, read again, then wait, so that no event is missed in between."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + query.wait
        self._groups = (conversation_group(conversation_id_of(stream)), *viewer.kick_groups())
        for group in self._groups:
            await self.channel_layer.group_add(group, self.channel_name)
        while True:
            self._hint.clear()
            # What they may see may have changed while they waited.
            viewer = await run_sync(viewer.renewed)
            found = await run_sync(answer, viewer, stream=stream, query=query)
            if found["events"] or not found["recovered"]:
                return found
            while not self._hint.is_set():
                left = deadline - loop.time()
                if left <= 0 or is_draining():
                    return found
                try:
                    await asyncio.wait_for(self._hint.wait(), min(left, GLANCE_SECONDS))
                except TimeoutError:
                    continue

    async def _leave(self) -> None:
        groups, self._groups = self._groups, ()
        for group in groups:
            await self.channel_layer.group_discard(group, self.channel_name)


def _counted_viewer(
    request: HttpRequest, *, authorization: str | None, cookie: str | None
) -> Viewer:
    """Authenticate the request and count it against the limits of a request without waiting."""
    viewer = viewer_of(authorization=authorization, cookie=cookie)
    subjects: Subjects
    try:
        if isinstance(viewer, Visitor):
            statuses = ratelimit.enforce("widget_read", {"visitor": viewer.customer_id})
        else:
            who = viewer.membership
            key = (
                {"key": UUID(who.key_id)}
                if isinstance(who, ApiKeyPrincipal)
                else {"user": who.user_id}
            )
            address = client_address(request)
            subjects = {"address": address, **key, "organization": who.organization_id}
            if bearer_token(authorization) is None:
                statuses = ratelimit.enforce("api", subjects)
            else:
                with tenancy.organization(who.organization_id):
                    statuses = count_api_call(
                        request, "api", subjects, organization_id=who.organization_id
                    )
    except ratelimit.RateLimitExceeded as refusal:
        record_limit_statuses(request, refusal.statuses)
        raise
    record_limit_statuses(request, statuses)
    return viewer

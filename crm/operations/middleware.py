"""Answers probes before any middleware that could reject or delay them."""

from collections.abc import Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from crm.operations import views

# A prober and a scraper call a process by its address, which is in nobody's ALLOWED_HOSTS, and
# speak plain HTTP: neither the host check nor the redirect to HTTPS may stand in their way.
PROBES: dict[str, tuple[str, Callable[[HttpRequest], HttpResponse]]] = {
    "/health": ("operations:health", views.health),
    "/ready": ("operations:ready", views.ready),
    "/metrics": ("operations:metrics", views.metrics),
}


def _answer_probe(request: HttpRequest) -> HttpResponse | None:
    if request.path_info not in PROBES:
        return None
    name, view = PROBES[request.path_info]
    request.probe_name = name  # type: ignore[attr-defined]  # for the log line and the histogram
    return view(request)


@sync_and_async_middleware
def probe_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            if request.path_info not in PROBES:
                return cast(HttpResponse, await get_response(request))
            return cast(HttpResponse, await sync_to_async(_answer_probe)(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        return _answer_probe(request) or cast(HttpResponse, get_response(request))

    return answer

"""The API's own description, for programs and for people."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularAPIView

from config.errors import NotFound


@method_decorator(cache_control(public=True, max_age=300), name="dispatch")
class OpenApi(SpectacularAPIView):
    """The document: the same for everybody, and of nobody's data."""

    authentication_classes: Any = []
    permission_classes: Any = []
    renderer_classes = [OpenApiJsonRenderer]


@require_safe
@cache_control(private=True, no_store=True)
def reference(request: HttpRequest) -> HttpResponse:
    """Show the document as pages on which each operation can be tried."""
    return render(request, "api/reference.html")


@csrf_exempt
def nothing_here(request: HttpRequest, **_parameters: Any) -> HttpResponse:
    """Answer a program that missed in words it can read."""
    raise NotFound

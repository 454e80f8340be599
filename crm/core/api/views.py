"""The API's description, as JSON and as pages."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from crm.core.api.document import document_in
from crm.core.errors import NotFound


@method_decorator(cache_control(public=True, max_age=300), name="dispatch")
class OpenApi(APIView):
    """The OpenAPI document: the same for every client of a language; it contains no tenant data."""

    authentication_classes: Any = []
    permission_classes: Any = []
    renderer_classes = [OpenApiJsonRenderer]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Return the document in the language of ``lang``, else in that of the request."""
        wanted = request.GET.get("lang")
        language = wanted if wanted in dict(settings.LANGUAGES) else get_language()
        document = document_in(language or settings.LANGUAGE_CODE)
        response = HttpResponse(
            document.body,
            content_type=OpenApiJsonRenderer.media_type,
            headers={
                "ETag": document.etag,
                "Content-Disposition": 'inline; filename="openapi.json"',
            },
        )
        # A cookie names the language before Accept-Language does.
        patch_vary_headers(response, ["Cookie"])
        return get_conditional_response(request, etag=document.etag, response=response) or response


@require_safe
@cache_control(private=True, no_store=True)
def reference(request: HttpRequest) -> HttpResponse:
    """Render the interactive API reference."""
    return render(request, "api/reference.html")


@csrf_exempt
def nothing_here(request: HttpRequest, **_parameters: Any) -> HttpResponse:
    """Raise NotFound for an unknown path, so that the response is a problem document."""
    raise NotFound

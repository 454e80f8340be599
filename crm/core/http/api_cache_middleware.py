"""Cache-Control of API responses: private, so that no shared cache stores them."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from crm.core.http.exceptions import is_for_programs

Answer = Callable[[HttpRequest], HttpResponse]


def api_cache_middleware(get_response: Answer) -> Answer:
    """Add ``Cache-Control: private, no-cache`` to API responses that set none; ETags
    still apply.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if is_for_programs(request) and not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_cache=True)
        return response

    return answer

"""What the API says is for whoever asked: nobody in between keeps it for others."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from crm.core.http.exceptions import is_for_programs

Answer = Callable[[HttpRequest], HttpResponse]


def api_cache_middleware(get_response: Answer) -> Answer:
    """Say so with every answer of the API that says nothing else; its ETag serves as before."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if is_for_programs(request) and not response.has_header("Cache-Control"):
            patch_cache_control(response, private=True, no_cache=True)
        return response

    return answer

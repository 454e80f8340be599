"""Turn a refusal raised by a view into an answer people or programs can read."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from config.errors import AppError


def problem(error: AppError) -> dict[str, object]:
    """Word a refusal as RFC 9457 problem details; ``code`` is the stable part."""
    return {
        "type": "about:blank",
        "title": error.message,
        "status": error.status,
        "code": error.code,
        "detail": error.message,
        **error.extra,
    }


def problem_json(error: AppError) -> JsonResponse:
    response = JsonResponse(
        problem(error), status=error.status, content_type="application/problem+json"
    )
    if error.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    if retry_after := error.extra.get("retry_after"):
        response["Retry-After"] = str(max(1, round(float(retry_after))))
    return response


class RefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, AppError):
            return None
        if request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", ""):
            return problem_json(error)
        return render(request, "refusal.html", {"error": error}, status=error.status)

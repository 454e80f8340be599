"""What every part of /api/v1/ shares."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.views import set_rollback

from config.errors import AppError, Forbidden, NotFound
from config.middleware.refusals import problem_json


class _Refused(AppError):
    """A refusal of the framework, in our words' form."""

    def __init__(self, error: exceptions.APIException) -> None:
        codes = error.get_codes()
        self.code = codes if isinstance(codes, str) else "invalid"
        self.status = error.status_code
        extra: dict[str, Any] = {}
        if isinstance(error.detail, dict | list):
            extra["errors"] = error.detail
            message = "Some fields cannot be used; see errors. Correct them and send again."
        else:
            message = str(error.detail)
        if (wait := getattr(error, "wait", None)) is not None:
            extra["retry_after"] = wait
        super().__init__(message, extra=extra)


def problem_response(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer every refusal of a DRF view as application/problem+json."""
    if isinstance(error, Http404):
        error = NotFound()
    elif isinstance(error, PermissionDenied):
        error = Forbidden()
    elif isinstance(error, exceptions.APIException):
        error = _Refused(error)
    if not isinstance(error, AppError):
        return None
    set_rollback()
    return problem_json(error)

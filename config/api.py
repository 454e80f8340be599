"""Exception handling and parsing shared by /api/v1/."""

from collections.abc import Mapping
from typing import IO, Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.views import set_rollback

from crm.core.errors import (
    AppError,
    BodyTooLarge,
    CsrfFailed,
    Forbidden,
    InvalidField,
    InvalidForm,
    InvalidJson,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    UnsupportedMediaType,
)
from crm.core.http.exceptions import problem_json
from crm.core.http.strict_json import NotJson, read_json
from crm.core.store_errors import collision_of
from crm.core.versions import EditedMeanwhile, PreconditionFailed

_KNOWN: dict[type[exceptions.APIException], type[AppError]] = {
    exceptions.MethodNotAllowed: MethodNotAllowed,
    exceptions.NotAuthenticated: NotAuthenticated,
    exceptions.ParseError: InvalidForm,
    exceptions.UnsupportedMediaType: UnsupportedMediaType,
}
# How the session's authentication words what Django's CSRF middleware found.
_CSRF = "CSRF Failed"
# How serializers name what is said of the body as a whole.
_WHOLE = "non_field_errors"


class JsonParser(BaseParser):
    """Parses a body with `crm.core.http.strict_json`; the charset was checked to be
    UTF-8 before.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return read_json(stream.read())
        except NotJson as error:
            raise InvalidJson(extra={"reason": str(error)}) from None


class _Refused(AppError):
    """An error of the framework in the form of ours."""

    def __init__(self, error: exceptions.APIException) -> None:
        codes = error.get_codes()
        self.code = codes if isinstance(codes, str) else "invalid"
        self.status = error.status_code
        extra: dict[str, Any] = {}
        if (wait := getattr(error, "wait", None)) is not None:
            extra["retry_after"] = wait
        super().__init__(str(error.detail), extra=extra)


def problem_response(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Return every error of a DRF view as application/problem+json."""
    refusal = _refusal(error)
    if refusal is None:
        return None
    if isinstance(refusal, EditedMeanwhile) and "If-Match" in context["request"].headers:
        refusal = PreconditionFailed(extra=refusal.extra)
    set_rollback()
    return problem_json(refusal)


def _refusal(error: Exception) -> AppError | None:
    if isinstance(error, AppError):
        return error
    if isinstance(error, Http404):
        return NotFound()
    if isinstance(error, PermissionDenied):
        return Forbidden()
    if isinstance(error, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(error, exceptions.ValidationError):
        return _invalid(error.detail)
    if isinstance(error, exceptions.PermissionDenied) and str(error.detail).startswith(_CSRF):
        return CsrfFailed()
    if isinstance(error, exceptions.APIException):
        known = _KNOWN.get(type(error))
        return known() if known else _Refused(error)
    return collision_of(error)


def _invalid(detail: Any) -> AppError:
    """Return an InvalidField for the first invalid field; ``errors`` has the messages of all."""
    names = [name for name in detail if name != _WHOLE] if isinstance(detail, dict) else []
    field = {"field": names[0]} if names else {}
    return InvalidField(extra={**field, "errors": detail})

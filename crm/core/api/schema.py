"""The OpenAPI schema: error responses and headers that every operation shares."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    extend_schema_view,
)
from rest_framework import serializers

from crm.core.api.etags import IF_MATCH

PROBLEM = "application/problem+json"
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "A value of your own, for example a UUID. The same key and body again gives the first "
        "answer again, for 24 hours; nothing is created twice."
    ),
)
_CHANGING = frozenset({"PUT", "PATCH", "DELETE"})
Direction = Literal["request", "response"]
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_MEANING = {
    400: "A parameter or a member of the body cannot be used; `code` says which rule it broke.",
    401: "No log-in, key or token came along, or none that is valid.",
    402: "The plan allows no more of this, or does not include it: `quota` or `feature`.",
    403: "Whoever asks may not do this.",
    404: "There is nothing here, or whoever asks may not see it.",
    406: "The API answers with JSON only.",
    409: "The present state, or the same request at this moment, is in the way.",
    412: "The record is no longer at the version that `If-Match` names.",
    413: "The body is too large.",
    414: "The address is longer than 16 KiB: shorten what it searches for.",
    415: "The body is of another type than the one that is described.",
    422: "The `Idempotency-Key` was used for another request.",
    429: "Too many requests: wait for `Retry-After` seconds.",
    503: "A data store does not answer. Nothing was changed: try again.",
}


class ProblemSerializer(serializers.Serializer[Any]):
    """An error (RFC 9457). ``code`` is stable; ``detail`` says what to do, in the request's
    language.

    Some codes have further members, such as ``errors`` by field or ``retry_after`` in seconds.
    """

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ApiSchema(AutoSchema):
    """Adds to each operation its possible error responses and its headers."""

    def get_operation_id(self) -> str:
        """Return the view's ``operation_id``, else the generated one."""
        return getattr(self.view, "operation_id", None) or super().get_operation_id()

    def get_summary(self) -> str | None:
        """Return the first line of the description where no summary is set."""
        return super().get_summary() or self.get_description().partition("\n")[0] or None

    def get_override_parameters(self) -> list[Any]:
        parameters = [IDEMPOTENCY_KEY] if self._is_idempotent else []
        return [*parameters, IF_MATCH] if self._honours_if_match else parameters

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(ProblemSerializer, direction).ref
        for status in sorted(self._refusals()):
            bodies.setdefault(
                str(status),
                {
                    "description": _MEANING.get(status, HTTPStatus(status).phrase),
                    "content": {PROBLEM: {"schema": problem}},
                },
            )
        for code, body in bodies.items():
            if code.startswith("2"):
                body.setdefault("headers", {}).update(_limit_headers())
            if code == "200" and self._is_versioned:
                body["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
        return bodies

    def _refusals(self) -> set[int]:
        statuses = {400, 406, 429, 503}
        if self.view.get_authenticators():
            statuses |= {401, 402, 403}
        if "{" in self.path:
            statuses.add(404)
        if self.method in _BODY_METHODS:
            statuses |= {413, 415}
        if self.method == "GET":
            statuses.add(414)
        if self._is_idempotent:
            statuses |= {409, 422}
        if self._honours_if_match:
            statuses |= {409, 412}
        return statuses | set(getattr(self._handler, "refusals", ()))

    @property
    def _handler(self) -> Any:
        return getattr(self.view, self.method.lower(), None)

    @property
    def _is_versioned(self) -> bool:
        """Return whether the view returns one record that has an ETag."""
        return getattr(self.view, "is_versioned", False)

    @property
    def _honours_if_match(self) -> bool:
        return self._is_versioned and self.method in _CHANGING

    @property
    def _is_idempotent(self) -> bool:
        return getattr(self._handler, "is_idempotent", False)


def example(value: Any) -> list[OpenApiExample]:
    """Return an example of a valid request body; tests send each of them."""
    return [OpenApiExample("Example", value=value, request_only=True)]


def refuses(*statuses: int) -> Callable[[Any], Any]:
    """Declare the error statuses of a method beyond those that every operation has."""

    def marked(method: Any) -> Any:
        method.refusals = statuses
        return method

    return marked


def only_this_version(endpoints: list[Any]) -> list[Any]:
    """Return only the endpoints of `/api/v1/`."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def _limit_headers() -> dict[str, Any]:
    return {
        "RateLimit": {"$ref": "#/components/headers/RateLimit"},
        "RateLimit-Policy": {"$ref": "#/components/headers/RateLimit-Policy"},
    }


def describe_operations(
    views: Mapping[str, type],
    described: Mapping[str, Mapping[str, Any]],
    *,
    tag: str,
    prefix: str,
) -> None:
    """Describe methods of views that are made for a record.

    A key of ``described`` is "view method operation", with a key of ``views``; its value has the
    options of `extend_schema`. The operation's id begins with ``prefix``.
    """
    # A name of most programming languages.
    name = prefix.replace("-", "_")
    for key, options in described.items():
        view, method, operation = key.split()
        schema = extend_schema(tags=[tag], operation_id=f"{name}_{operation}", **options)
        extend_schema_view(**{method: schema})(views[view])

"""Which request does what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.engines.qdrant.refusals import not_supported

VERSION = "1.17.0"


@dataclass(frozen=True)
class Request:
    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    body: Any


class Router:
    def answer(self, request: Request) -> Any:
        """Give the `result` of an answer; a str is sent as plain text."""
        if request.path in (("healthz",), ("readyz",), ("livez",)):
            return "healthz check passed"
        raise not_supported(f"{request.method} /{'/'.join(request.path)}")

"""Two clients that public generators make of the API's document, behind one way to call them.

`openapi-python-client` writes a package of modules; `aiopenapi3` builds models at run time and
validates each request and each answer against the document.
"""

import importlib
import inspect
import io
import json
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import httpx2
from aiopenapi3 import OpenAPI  # type: ignore[import-untyped]
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

Json = Any
# Of each file in a body: there, bytes are a file.
FILE_NAME = "file.csv"


class Client(Protocol):
    """``token`` is sent as a bearer token of this security scheme; none where it is empty."""

    token: str
    scheme: str

    def call(self, operation: str, parameters: dict[str, Any], body: Json = None) -> Json:
        """Return the answer as JSON, a file as bytes.

        Raise AssertionError if it is not what is documented.
        """


class WrittenClient:
    """What `openapi-python-client` writes."""

    def __init__(self, document: dict[str, Any], base_url: str, folder: Path) -> None:
        self.token, self.scheme, self._base_url = "", "", base_url
        source, package = folder / "openapi.json", folder / "nextflow_client"
        source.write_text(json.dumps(document))
        settings = ConfigFile(post_hooks=[])
        config = Config.from_sources(
            settings,
            MetaType.NONE,
            document_source=source,
            file_encoding="utf-8",
            overwrite=True,
            output_path=package,
        )
        self.problems = [f"{each.header} {each.detail}" for each in generate(config=config)]
        sys.path.insert(0, str(folder))
        try:
            self._client = importlib.import_module("nextflow_client")
            self._types = importlib.import_module("nextflow_client.types")
            self._calls = {
                path.stem: importlib.import_module(_module(path))
                for path in (package / "api").glob("*/[!_]*.py")
            }
        finally:
            sys.path.remove(str(folder))

    @property
    def operations(self) -> set[str]:
        return set(self._calls)

    def call(self, operation: str, parameters: dict[str, Any], body: Json = None) -> Json:
        function = self._calls[operation].sync_detailed
        wanted = inspect.signature(function).parameters
        given: dict[str, Any] = {}
        for name, value in parameters.items():
            parameter = wanted[name.lower().replace("-", "_")]
            given[parameter.name] = _typed(parameter.annotation, value)
        if body is not None:
            given["body"] = model = _model(wanted["body"].annotation).from_dict(body)
            for member in type(model).__attrs_attrs__:
                file = getattr(model, member.name)
                if isinstance(file, self._types.File):
                    file.file_name = FILE_NAME
        with self._session() as client:
            answer = function(client=client, **given)
        assert 200 <= answer.status_code < 300, (operation, answer.content)
        if answer.status_code == 204:
            return None
        assert answer.parsed is not None, (operation, answer.status_code, answer.content)
        if isinstance(answer.parsed, self._types.File):
            return answer.parsed.payload.read()
        return answer.parsed.to_dict()

    def _session(self) -> Any:
        # A loopback without TLS: the machine's authorities need not be read for each call.
        options: dict[str, Any] = {
            "base_url": self._base_url,
            "raise_on_unexpected_status": True,
            "verify_ssl": False,
        }
        if self.token:
            return self._client.AuthenticatedClient(token=self.token, **options)
        return self._client.Client(**options)


class ModelledClient:
    """What `aiopenapi3` makes."""

    def __init__(self, document: dict[str, Any], base_url: str) -> None:
        def session(*args: Any, **options: Any) -> httpx2.Client:
            return httpx2.Client(*args, **{**options, "timeout": 60, "verify": False})

        self.token = self.scheme = ""
        self._forms = {
            operation["operationId"]
            for methods in document["paths"].values()
            for operation in methods.values()
            if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
        }
        url = f"{base_url}/api/v1/openapi.json"
        self._api = OpenAPI.loads(url, json.dumps(document), session_factory=session)

    @property
    def operations(self) -> set[str]:
        return set(self._api._.__iter__())

    def call(self, operation: str, parameters: dict[str, Any], body: Json = None) -> Json:
        self._api.authenticate(None)
        if self.token:
            self._api.authenticate(**{self.scheme: self.token})
        function: Callable[..., Any] = getattr(self._api._, operation)
        if operation in self._forms:
            body = [(name, _form_value(value)) for name, value in body.items()]
        answer = function(parameters=parameters or None, data=body)
        if answer is None or isinstance(answer, bytes):
            return answer
        return answer.model_dump(mode="json", by_alias=True)


def _module(path: Path) -> str:
    return f"nextflow_client.api.{path.parent.name}.{path.stem}"


def _form_value(value: Any) -> Any:
    if not isinstance(value, bytes):
        # Without a name it is no file; a form without any would be sent in another way.
        return None, io.BytesIO(str(value).encode()), "text/plain"
    return FILE_NAME, io.BytesIO(value), "application/octet-stream"


def _typed(annotation: Any, value: Any) -> Any:
    """Return a text as the type that a parameter is declared with."""
    for each in getattr(annotation, "__args__", (annotation,)):
        if isinstance(value, str) and isinstance(each, type) and issubclass(each, UUID | Enum):
            return each(value)
    return value


def _model(annotation: Any) -> Any:
    """Return the class of a body, which may be optional."""
    choices = getattr(annotation, "__args__", (annotation,))
    return next(each for each in choices if hasattr(each, "from_dict"))

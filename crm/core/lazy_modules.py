"""Modules that are imported at first use, because most processes never need them."""

from importlib import import_module
from typing import Any


class LazyModule:
    """Stand in for a module until one of its names is read.

    Bind it where type checkers see the module itself::

        if TYPE_CHECKING:
            from qdrant_client import models as qdrant
        else:
            qdrant = LazyModule("qdrant_client.models")
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self._name), name)
        # The next read finds it without coming here.
        setattr(self, name, value)
        return value

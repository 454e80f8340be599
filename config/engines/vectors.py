"""The local process that answers Qdrant's REST API on Qdrant's own core (`qdrant-edge-py`)."""

import sys
import urllib.error
import urllib.request
from importlib import metadata
from typing import ClassVar

from config.engines.base import Engine, Launch, checkout_launch
from config.engines.errors import EngineFailed
from config.engines.installed import package_folder


class Qdrant(Engine):
    name: ClassVar[str] = "qdrant"
    store: ClassVar[str] = "qdrant"

    def version(self) -> str:
        if package_folder("qdrant_edge") is None:
            raise EngineFailed(
                "The wheel qdrant-edge-py is not installed for this machine.",
                advice="Install requirements.txt (`make up` does), or set QDRANT_URL.",
            )
        return metadata.version("qdrant-edge-py")

    def launch(self, port: int) -> Launch:
        self.version()
        return checkout_launch(
            [
                sys.executable,
                "-m",
                "config.engines.qdrant",
                "--port",
                str(port),
                "--path",
                str(self.data_dir),
            ]
        )

    def is_ready(self, port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

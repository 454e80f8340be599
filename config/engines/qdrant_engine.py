"""The engine of the local Qdrant server on Qdrant's own core (`qdrant-edge-py`)."""

import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import ClassVar

from config.engines.base import Engine, Launch, checkout_launch
from config.engines.errors import EngineFailed
from config.engines.installed import package_folder
from config.engines.secrets import made_password_of, password_of
from config.engines.state import write_atomically


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

    def prepare(self, keep_fds: Sequence[int] = ()) -> None:
        super().prepare(keep_fds)
        write_atomically(self._api_key_file, made_password_of(self.name))

    @property
    def _api_key_file(self) -> Path:
        return self.data_dir / "api_key"

    def api_key(self) -> str:
        """Return the ``api-key`` for clients; empty before the first start."""
        return password_of(self.name)

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
                "--api-key-file",
                str(self._api_key_file),
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

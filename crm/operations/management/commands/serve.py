"""`manage.py serve`: HTTP and WebSocket on one port, until SIGTERM."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from crm.core.http.server import Server


class Command(BaseCommand):
    help = "Serve HTTP and WebSocket. SIGTERM or Ctrl-C closes every socket with 1012, then exits."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--proxy-headers",
            action="store_true",
            help="take the client's address from X-Forwarded-For: only behind a proxy that sets it",
        )

    def handle(self, *args: Any, host: str, port: int, proxy_headers: bool, **options: Any) -> None:
        if not 0 < port < 65536:
            raise CommandError(f"{port} is not a port. Choose one between 1 and 65535.")
        # Half a second now; within the first probe it would look as if Qdrant did not answer.
        import_module("qdrant_client")
        escaped = host.replace(":", r"\:")
        server = Server(
            import_string(settings.ASGI_APPLICATION),
            endpoints=[f"tcp:port={port}:interface={escaped}"],
            proxies=settings.TRUSTED_PROXIES if proxy_headers else 0,
        )
        self.stdout.write(f"Serving on http://{host}:{port}/")
        self.stdout.flush()
        server.run()
        if server.failure:
            raise CommandError(
                f"Cannot listen on {host}, port {port}: {server.failure} "
                "Stop what uses it or choose another port."
            )

"""The floor of an idle socket: a consumer that does nothing, in the product's server and layer."""

import sys
from typing import Any

import django

django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  settings come first
from channels.routing import ProtocolTypeRouter  # noqa: E402

from config.server import Server  # noqa: E402


class Bare(AsyncWebsocketConsumer):
    """Accepts, joins one group, and waits."""

    async def connect(self) -> None:
        await self.accept()
        await self.channel_layer.group_add(f"bare.{id(self) % 200}", self.channel_name)

    async def disconnect(self, code: Any) -> None:
        await self.channel_layer.group_discard(f"bare.{id(self) % 200}", self.channel_name)


def main(port: int) -> None:
    application = ProtocolTypeRouter({"websocket": Bare.as_asgi()})
    Server(application, endpoints=[f"tcp:port={port}:interface=127.0.0.1"]).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))

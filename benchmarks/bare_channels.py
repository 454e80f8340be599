"""The floors of sockets: bare Channels consumers in the product's server and layer.

`/` waits: what an idle socket costs. `/write/` takes the steps that the write path is made of, in
bare drivers, and acknowledges: the least that the path of a message costs.
"""

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402  settings come first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection, connections, transaction  # noqa: E402
from django.urls import path  # noqa: E402

from crm.core import stores  # noqa: E402
from crm.core.http.server import Server  # noqa: E402
from crm.core.ids import uuid7  # noqa: E402

_pool = ThreadPoolExecutor(settings.ASGI_BLOCKING_THREADS)


class Bare(AsyncWebsocketConsumer):
    """Accepts, joins one group, and waits."""

    async def connect(self) -> None:
        await self.accept()
        await self.channel_layer.group_add(f"bare.{id(self) % 200}", self.channel_name)

    async def disconnect(self, code: Any) -> None:
        await self.channel_layer.group_discard(f"bare.{id(self) % 200}", self.channel_name)


class BareWriter(AsyncWebsocketConsumer):
    """Stores ``{tenant_id, conversation_id, client_message_id, text}`` and says so."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        post = json.loads(text_data or "{}")
        await asyncio.get_running_loop().run_in_executor(_pool, _write, post)
        await self.send(json.dumps({"type": "message.ack", **post}))


def _write(post: dict[str, str]) -> None:
    messages = stores.mongo_db()["messages"]
    log = {"tenant_id": post["tenant_id"], "conversation_id": post["conversation_id"]}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM chat_conversation WHERE id = %s FOR UPDATE", [post["conversation_id"]]
        )
        last = messages.find_one(log, {"_id": 0, "seq": 1}, sort=[("seq", -1)])
        messages.insert_one(
            {
                "message_id": uuid7().hex,
                "seq": last["seq"] + 1 if last else 1,
                "content": {"type": "text", "text": post["text"]},
                **log,
                "client_message_id": post["client_message_id"],
            }
        )
        cursor.execute(
            "UPDATE chat_conversation SET last_seq = last_seq + 1, inbound_total = "
            "inbound_total + 1, last_message_at = now(), waiting_since = now(), updated_at = "
            "now() WHERE id = %s",
            [post["conversation_id"]],
        )
    connections.close_all()


def main(port: int) -> None:
    sockets = URLRouter([path("", Bare.as_asgi()), path("write/", BareWriter.as_asgi())])
    application = ProtocolTypeRouter({"websocket": sockets})
    Server(application, endpoints=[f"tcp:port={port}:interface=127.0.0.1"]).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))

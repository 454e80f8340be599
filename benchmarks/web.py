"""The measured installation over HTTP, as a person who is logged in."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import websockets
from django.core.cache import cache
from websockets.asyncio.client import ClientConnection
from websockets.typing import Origin

from benchmarks.seed import PASSWORD
from chat.models import Conversation
from crm.core import stores
from crm.organizations.models import Organization
from tests.chaos.client import hidden_values
from tests.chaos.stack import CHECKOUT, Stack, free_port


def main_organization() -> Organization:
    return Organization.objects.get(slug="sunbean")


@contextmanager
def serving(stack: Stack, *, worker: bool = False) -> Iterator[str]:
    """Run a web process, and a worker where wanted; give its base URL."""
    parts = [*stack.web, *([stack.worker] if worker else [])]
    asyncio.run(stack.start(parts, keep=False))
    try:
        yield f"http://127.0.0.1:{stack.web_ports[0]}"
    finally:
        asyncio.run(stack.stop())


@contextmanager
def agent_session(base_url: str, number: int = 0) -> Iterator[httpx.Client]:
    """Be logged in as an agent of the main organization."""
    # Attempts of earlier runs must not hold this one up.
    for key in stores.redis().scan_iter("ratelimit:*"):
        stores.redis().delete(key)
    cache.clear()
    with httpx.Client(base_url=base_url, trust_env=False, timeout=30) as client:
        form = hidden_values(client.get("/login/").text)
        form |= {"email": f"agent{number}@sunbean.example", "password": PASSWORD}
        client.post("/login/", data=form, headers={"Origin": base_url})
        if "sessionid" not in client.cookies:
            raise RuntimeError("The agent could not log in.")
        yield client


def cookie_header(client: httpx.Client) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}


async def connect(
    base_url: str, path: str, hello: dict[str, Any], **options: Any
) -> ClientConnection:
    """Open a socket and wait for its welcome."""
    socket = await websockets.connect(
        base_url.replace("http", "ws", 1) + path,
        origin=Origin(base_url),
        proxy=None,
        compression=None,
        ping_interval=None,
        open_timeout=30,
        max_size=4 * 1024 * 1024,
        **options,
    )
    await socket.send(json.dumps({"type": "hello", "protocol": 1, **hello}))
    welcome = json.loads(await socket.recv())
    if welcome["type"] != "welcome":
        raise RuntimeError(f"Not welcome: {welcome}")
    return socket


def open_conversations(limit: int) -> list[Conversation]:
    """Return conversations that a person answers, of different lengths."""
    return list(
        Conversation.objects.filter(organization=main_organization(), status="open")
        .select_related("customer", "widget")
        .order_by("pk")[:limit]
    )


@contextmanager
def bare_server(stack: Stack) -> Iterator[tuple[int, int]]:
    """Run the bare consumers; give their port and process."""
    port = free_port()
    with (stack.folder / "log" / "bare.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bare_channels", str(port)],
            cwd=CHECKOUT,
            env=stack.env,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        asyncio.run(_await_port(port))
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


async def _await_port(port: int) -> None:
    for _ in range(300):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("The bare server did not start.")

"""From `make up` on an installed machine to the bot's first answer, on new and on kept data."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.measure import Figure
from benchmarks.web import connect
from tests.chaos.stack import CHECKOUT, Stack, free_port, own_environment

QUESTION = "Which countries do you deliver to?"
PATIENCE = 120.0


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    del stack, quick
    folder = Path(tempfile.mkdtemp(prefix="nextflow-bench-"))
    env = own_environment(folder, {"DEMO_ENABLED": "1"})
    try:
        new = _up_to_answer(env, folder)
        kept = _up_to_answer(env, folder)
    finally:
        _manage(env, "down")
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Figure(
            work=f"from `make up` to the first bot answer, {data}",
            value=took["answer"],
            unit="s",
            budget=15,
            floor_of="none",
            how="`manage.py up --detach`, then a visitor's question through the socket; looked "
            "for as soon as the command returned",
            details=f"the command itself took {took['up']:.1f} s",
        )
        for data, took in (("new data", new), ("kept data", kept))
    ]


def _up_to_answer(env: dict[str, str], folder: Path) -> dict[str, float]:
    _manage(env, "down")
    port = free_port()
    began = time.monotonic()
    _manage(env, "up", "--port", str(port), "--detach")
    up = time.monotonic() - began
    state = json.loads((folder / "up.json").read_text())
    asyncio.run(_ask(f"http://localhost:{port}", state["widget_site_key"]))
    return {"up": up, "answer": time.monotonic() - began}


async def _ask(base_url: str, site_key: str) -> None:
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=30) as http:
        response = await http.post(
            "/api/v1/widget/sessions", json={"site_key": site_key, "language": "en"}
        )
        response.raise_for_status()
    socket = await connect(base_url, "/ws/widget/", {"ticket": response.json()["ticket"]})
    await socket.send(
        json.dumps(
            {
                "type": "message.post",
                "stream": None,
                "client_message_id": "first",
                "content": {"type": "text", "text": QUESTION},
            }
        )
    )
    async with asyncio.timeout(PATIENCE):
        async for text in socket:
            frame = json.loads(text)
            if frame["type"] == "event" and frame["data"].get("sender", {}).get("type") == "bot":
                if not frame["data"]["content"].get("sources"):
                    raise RuntimeError(f"That is no answer: {frame}")
                break
    await socket.close()


def _manage(env: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )

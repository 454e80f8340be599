"""One correlation id from a visitor's frame through the web process into the worker."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from chat.models import Widget
from tests.chat.clients import visit
from tests.servers import LiveServer, serving, working


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


async def ask(server: LiveServer, widget: Widget) -> list[str]:
    """Ask by socket, and wait until the bot has answered; give the kinds of who spoke."""
    visitor = await visit(server, widget.site_key)
    async with visitor.connected(ticket=visitor.session["ticket"]) as client:
        await client.post(None, "question-1", "My email is minh@example.com, do you ship?")
        first = await client.receive("event", seq=1)
        second = await client.receive("event", seq=2)
    return [event["data"]["sender"]["type"] for event in (first, second)]


@pytest.mark.django_db(transaction=True)
def test_a_frames_id_is_the_id_of_the_task_it_caused(
    worker_stores: None, stores_clean: None, widget: Widget, tmp_path: Path
) -> None:
    with serving(tmp_path, SERVICE_NAME="web") as server, working(tmp_path, SERVICE_NAME="worker"):
        speakers = asyncio.run(ask(server, widget))
    assert speakers == ["customer", "bot"]
    (frame,) = [
        line for line in lines(server.log) if line["metadata"].get("action") == "message_processed"
    ]
    assert frame["user_id"]
    assert {"mongodb", "postgresql"} <= set(frame["metadata"]["databases_used"])
    (task,) = [
        line
        for line in lines(tmp_path / "worker.log")
        if line["metadata"].get("task") == "chat.answer_with_bot"
    ]
    assert (frame["service"], task["service"]) == ("web", "worker")
    assert task["correlation_id"] == frame["correlation_id"]
    assert task["user_id"] == frame["user_id"]
    assert "cache_hit" in task["metadata"]
    for log in (server.log, tmp_path / "worker.log"):
        for secret in ("minh@example.com", "do you ship", widget.site_key):
            assert secret not in log.read_text()

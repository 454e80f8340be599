"""`manage.py up`: the newcomer's one command, in a folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from config.engines.processes import identity

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 120.0
STORES = ("DATABASE_URL", "MONGODB_URL", "REDIS_URL", "QDRANT_URL")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def manage(var: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if name not in STORES}
    env |= {"NEXTFLOW_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings.dev"}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        check=False,
    )


def answer(url: str, body: dict[str, Any] | None = None, token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body and "client_message_id" in body:
        headers["Idempotency-Key"] = body["client_message_id"]
    request = urllib.request.Request(
        url, data=json.dumps(body).encode() if body else None, headers=headers
    )
    with urllib.request.urlopen(request, timeout=40) as reply:
        result: dict[str, Any] = json.load(reply)
        return result


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    var = tmp_path_factory.mktemp("up") / "var"
    started = manage(var, "up", "--detach", "--port", str(free_port()))
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        told = json.loads((var / "up.json").read_text())
        yield told | {"var": var, "printed": started.stdout}
    finally:
        manage(var, "down")


def now_told(told: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((told["var"] / "up.json").read_text())
    return result


def test_up_says_where_and_with_which_log_ins(told: dict[str, Any]):
    assert told["base_url"] in told["printed"]
    assert told["widget_site_key"].startswith("nfw_")
    assert {login["role"] for login in told["logins"]} >= {"owner", "agent"}
    for login in told["logins"]:
        assert login["email"] in told["printed"]
    assert set(told["processes"]) == {
        "supervisor",
        "web",
        "worker",
        "beat",
        "postgresql",
        "mongodb",
        "valkey",
        "qdrant",
    }
    assert all(psutil.pid_exists(pid) for pid in told["processes"].values())


def test_a_visitor_is_answered_by_the_bot_with_a_source(told: dict[str, Any]):
    base = told["base_url"]
    session = answer(
        f"{base}/api/v1/widget/sessions",
        {"site_key": told["widget_site_key"], "parent_origin": base, "language": "en"},
    )
    token = session["visitor_token"]
    faqs = json.loads((ROOT / "chat" / "demo" / "faqs_en.json").read_text())
    posted = answer(
        f"{base}/api/v1/streams/new/messages",
        {
            "content": {"type": "text", "text": faqs[0]["question"]},
            "client_message_id": "first-question",
        },
        token,
    )
    stream, epoch = posted["stream"], posted["epoch"]
    deadline = time.monotonic() + PATIENCE
    replies: list[dict[str, Any]] = []
    while not replies and time.monotonic() < deadline:
        page = answer(
            f"{base}/api/v1/streams/{stream}/events?epoch={epoch}&after=1&wait=5", token=token
        )
        replies = [
            event["data"]
            for event in page["events"]
            if event["kind"] == "message.posted" and event["data"]["sender"]["type"] == "bot"
        ]
    assert replies, "the bot did not answer"
    assert replies[0]["content"]["text"] == faqs[0]["answer"]
    assert replies[0]["content"]["sources"][0]["url"]


def test_a_killed_web_process_is_started_again(told: dict[str, Any]):
    before = now_told(told)["processes"]["web"]
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and now_told(told)["processes"]["web"] == before:
        time.sleep(0.1)
    assert now_told(told)["processes"]["web"] != before
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{told['base_url']}/health", timeout=5) as reply:
                assert reply.status == 200
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the web server did not come back")


def test_a_second_up_in_the_same_checkout_finds_the_first(told: dict[str, Any]):
    again = manage(told["var"], "up", "--detach")
    assert again.returncode == 0
    assert told["base_url"] in again.stdout


def test_a_taken_port_is_one_plain_sentence(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        refused = manage(tmp_path / "var", "up", "--port", str(port))
    assert refused.returncode != 0
    assert f"Port {port} cannot be used" in refused.stderr
    assert f"make up PORT={port + 1}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_down_ends_every_process(told: dict[str, Any]):
    last_told = now_told(told)
    stopped = manage(told["var"], "down")
    assert stopped.returncode == 0, stopped.stderr
    still_there = [
        name
        for name, pid in last_told["processes"].items()
        if identity(pid) == last_told["started"][name]
    ]
    assert still_there == []
    assert not (told["var"] / "up.json").exists()
    assert manage(told["var"], "down").stdout.strip() == "Nothing runs."

"""The proxy, two web processes with the settings of production, and the stores: all real.

What only a container engine could show is left out: the images and the network between them.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

from chat.models import Widget
from crm.organizations.models import Membership
from tests.chat.clients import visit
from tests.conftest import PASSWORD
from tests.deploy.composed import CHECKOUT, compose, filled_example
from tests.deploy.nginx import Proxy, running, write_configuration
from tests.patience import PATIENCE
from tests.ports import free_port
from tests.servers import LiveServer, serving

pytestmark = pytest.mark.long

TOKEN = "scraper-token-of-a-test"


@dataclass
class Installation:
    """The proxy's addresses, as a browser sees them, and what stands behind it."""

    proxy: Proxy
    web: tuple[LiveServer, LiveServer]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.proxy.http_port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.proxy.http_port}"


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files for browsers, as the image holds them."""
    folder = tmp_path_factory.mktemp("collected")
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        env={
            "DJANGO_SETTINGS_MODULE": "config.settings.prod",
            "SECRET_KEY": "used-while-building-only",
            "STATIC_ROOT": str(folder),
        },
        cwd=CHECKOUT,
        check=True,
        timeout=300,
    )
    return folder


def variables_of(service: str, collected: Path) -> dict[str, str]:
    """Give what Compose would hand over, with the stores of this test run in place of its own."""
    service_variables: dict[str, Any] = compose(filled_example() | {"METRICS_TOKEN": TOKEN})[
        "services"
    ][service]["environment"]
    stores = re.compile(r"^(DATABASE|MONGODB|REDIS|QDRANT)_URL$|^(DB_|REDIS_|QDRANT_)")
    kept = {name: str(v) for name, v in service_variables.items() if not stores.match(name)}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "config.settings.prod",
        "STATIC_ROOT": str(collected),
        "REDIS_URL": settings.REDIS_URL,
        "DB_MONGODB_NAME": settings.MONGODB_NAME,
        "QDRANT_PREFIX": settings.QDRANT_PREFIX,
    }


@pytest.fixture
def installation(
    transactional_db: None, stores_clean: None, collected: Path, tmp_path: Path
) -> Iterator[Installation]:
    first_variables = variables_of("web-1", collected)
    second_variables = variables_of("web-2", collected)
    flags = ("--proxy-headers",)
    with (
        serving(tmp_path, port=free_port(), flags=flags, **first_variables) as first,
        serving(tmp_path, port=free_port(), flags=flags, **second_variables) as second,
    ):
        folder = tmp_path / "proxy"
        folder.mkdir()
        proxy = write_configuration(
            folder, server="plain", upstream_ports=(first.port, second.port)
        )
        (folder / "static").rmdir()
        (folder / "static").symlink_to(collected)
        with running(proxy):
            yield Installation(proxy, (first, second))


def log_in(browser: httpx.Client, email: str) -> httpx.Response:
    page = browser.get("/login/")
    hidden = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert hidden is not None
    return browser.post(
        "/login/",
        data={
            "csrfmiddlewaretoken": hidden[1],
            "email": email,
            "password": PASSWORD,
        },
        headers={"Origin": str(browser.base_url).rstrip("/"), "Referer": str(page.url)},
        follow_redirects=True,
    )


async def ask(installation: Installation, widget: Widget) -> dict[str, Any]:
    """Open the chat as a visitor does, ask a question, and give its acknowledgement."""
    visitor = await visit(installation, widget.site_key)  # type: ignore[arg-type]  # has the same URLs
    async with visitor.connected(ticket=visitor.session["ticket"]) as client:
        await client.send(
            "message.post",
            stream=None,
            client_message_id="question-1",
            content={"type": "text", "text": "Do you ship to Manila?"},
        )
        ack: dict[str, Any] = await client.receive("message.ack")
        return ack


def test_the_installation_works_as_one(
    installation: Installation, agent: Membership, widget: Widget
) -> None:
    """One story in one test: two servers and a proxy take their time to start."""
    with httpx.Client(base_url=installation.base_url, timeout=PATIENCE) as browser:
        people_are_served(installation, browser, agent)
        visitors_are_served(installation, browser, widget)
        one_id_goes_through_all(installation, browser, agent, widget)
        figures_are_shown_to_who_has_the_token(installation, browser)
        a_web_process_may_go(installation, browser)


def people_are_served(installation: Installation, browser: httpx.Client, agent: Membership) -> None:
    hasher = BCryptSHA256PasswordHasher()  # that of production; tests have a quicker one
    agent.user.password = hasher.encode(PASSWORD, hasher.salt())
    agent.user.save(update_fields=["password"])
    inbox = log_in(browser, agent.user.email)
    assert (inbox.status_code, inbox.url.path) == (200, "/app/inbox/")
    assert inbox.url.port == installation.proxy.http_port
    # What the page loads is there, under names that may be cached for ever.
    assets = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', inbox.text))
    assert assets
    for asset in assets:
        file = browser.get(asset)
        assert file.status_code == 200, asset
        assert "immutable" in file.headers["cache-control"], asset


def visitors_are_served(installation: Installation, browser: httpx.Client, widget: Widget) -> None:
    ack = asyncio.run(ask(installation, widget))
    assert ack["seq"] == 1
    listed = browser.get("/api/v1/inbox/conversations", params={"box": "all", "status": "bot"})
    assert "Do you ship to Manila?" in listed.text


def one_id_goes_through_all(
    installation: Installation, browser: httpx.Client, agent: Membership, widget: Widget
) -> None:
    traced = browser.get("/app/inbox/", headers={"X-Request-ID": "one-id-through-all"})
    assert traced.headers["x-request-id"] == "one-id-through-all"
    logs = [server.log.read_text() for server in installation.web]
    written = [line for log in logs for line in log.splitlines() if line.startswith("{")]
    lines = [json.loads(line) for line in written]
    (line,) = [line for line in lines if line["correlation_id"] == "one-id-through-all"]
    assert line["service"] in {"web-1", "web-2"}
    assert line["user_id"] == str(agent.user.pk)
    assert installation.proxy.logged("one-id-through-all")
    for log in [*logs, installation.proxy.access_log]:
        for secret in (agent.user.email, PASSWORD, "Manila", widget.site_key):
            assert secret not in log


def figures_are_shown_to_who_has_the_token(
    installation: Installation, browser: httpx.Client
) -> None:
    assert browser.get("/metrics").status_code == 404
    far = {"X-Forwarded-For": "203.0.113.9"}
    pages = [
        httpx.get(
            f"{server.base_url}/metrics",
            headers={"Authorization": f"Bearer {TOKEN}", **far},
            timeout=PATIENCE,
        ).text
        for server in installation.web
    ]
    counts = [re.findall(r'_count\{.*view="authentication:log_in"\} (\S+)', page) for page in pages]
    # Its page and its form, wherever the proxy sent them.
    assert sum(float(count) for found in counts for count in found) == 2
    refused = httpx.get(f"{installation.web[0].base_url}/metrics", headers=far, timeout=PATIENCE)
    assert refused.status_code == 401


def a_web_process_may_go(installation: Installation, browser: httpx.Client) -> None:
    leaving, staying = installation.web
    assert leaving.stop() == 0
    assert [browser.get("/app/inbox/").status_code for _ in range(6)] == [200] * 6
    assert httpx.get(f"{staying.base_url}/health", timeout=PATIENCE).status_code == 200

"""The reverse proxy: parsed, checked by nginx itself, and asked by its front door."""

import gzip
import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crossplane
import httpx
import pytest
from django.conf import settings
from websockets.exceptions import InvalidURI
from websockets.sync.client import connect

from tests.deploy.composed import CHECKOUT
from tests.deploy.nginx import Proxy, checked, running, write_configuration
from tests.deploy.upstream import upstream
from tests.patience import PATIENCE
from tests.ports import free_port

Directive = dict[str, Any]


def parsed(folder: Path) -> list[Directive]:
    """Read a written configuration with every include put in place."""
    payload = crossplane.parse(str(folder / "nginx.conf"), combine=True, catch_errors=False)
    assert payload["status"] == "ok"
    directives: list[Directive] = payload["config"][0]["parsed"]
    return directives


def all_named(directives: list[Directive], name: str) -> Iterator[list[str]]:
    for directive in directives:
        if directive["directive"] == name:
            yield directive["args"]
        yield from all_named(directive.get("block") or [], name)


def in_seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|m|h)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


@pytest.fixture(params=["plain", "tls"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Proxy:
    return write_configuration(
        tmp_path, server=request.param, upstream_ports=(free_port(), free_port())
    )


def test_nginx_accepts_the_configuration(written: Proxy) -> None:
    done = checked(written.folder)
    assert "test is successful" in done.stderr, done.stderr
    assert "[warn]" not in done.stderr


def test_silence_is_borne_longer_than_heartbeats_and_long_polls_take(written: Proxy) -> None:
    timeouts = list(all_named(parsed(written.folder), "proxy_read_timeout"))
    assert timeouts
    for (timeout,) in timeouts:
        assert in_seconds(timeout) > 2 * max(settings.CHAT_HEARTBEAT_SECONDS, 25)


def test_limits_and_strict_headers_are_set(written: Proxy) -> None:
    directives = parsed(written.folder)
    assert list(all_named(directives, "underscores_in_headers")) == [["off"]]
    assert list(all_named(directives, "server_tokens")) == [["off"]]
    assert list(all_named(directives, "client_max_body_size")) == [["2m"]]
    assert {args[0] for args in all_named(directives, "limit_req")} == {
        "zone=connects",
        "zone=log_in",
        "zone=requests",
    }
    assert ["addresses", "400"] in list(all_named(directives, "limit_conn"))
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE <= 2 * 1024 * 1024


def test_no_location_drops_the_headers_that_are_overwritten(written: Proxy) -> None:
    """nginx inherits proxy_set_header only where a block sets none of its own."""
    blocks = next(d for d in parsed(written.folder) if d["directive"] == "http")["block"]
    own = [d for d in blocks if d["directive"] == "proxy_set_header"]
    assert len(own) == len(list(all_named(parsed(written.folder), "proxy_set_header")))


def test_weak_protocols_are_not_offered(tmp_path: Path) -> None:
    written = write_configuration(tmp_path, server="tls", upstream_ports=(1, 2))
    assert list(all_named(parsed(written.folder), "ssl_protocols")) == [["TLSv1.2", "TLSv1.3"]]


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with upstream() as first, upstream() as second:
        written = write_configuration(tmp_path, server="plain", upstream_ports=(first, second))
        with running(written):
            yield written


@pytest.fixture
def client(proxy: Proxy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{proxy.http_port}", timeout=60) as client:
        yield client


def headers_seen(response: httpx.Response) -> dict[str, list[str]]:
    seen: dict[str, list[str]] = {}
    for name, value in response.json()["headers"]:
        seen.setdefault(name.lower(), []).append(value)
    return seen


def test_what_a_visitor_claims_about_himself_is_overwritten(client: httpx.Client) -> None:
    response = client.get(
        "/app/",
        headers={
            "X-Forwarded-For": "6.6.6.6",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "evil.example",
            "X-Real-IP": "6.6.6.6",
            "Forwarded": "for=6.6.6.6",
            "X_Forwarded_For": "6.6.6.6",
            "Proxy": "http://evil.example",
        },
    )
    seen = headers_seen(response)
    assert seen["x-forwarded-for"] == ["127.0.0.1"]
    assert seen["x-real-ip"] == ["127.0.0.1"]
    assert seen["x-forwarded-proto"] == ["http"]
    for name in ("x-forwarded-host", "forwarded", "x_forwarded_for", "proxy"):
        assert name not in seen
    assert "6.6.6.6" not in response.text


def test_the_host_and_its_port_reach_the_application(client: httpx.Client) -> None:
    seen = headers_seen(client.get("/app/", headers={"Host": "crm.example.com:8080"}))
    assert seen["host"] == ["crm.example.com:8080"]


def test_a_harmless_correlation_id_is_kept_and_any_other_replaced(client: httpx.Client) -> None:
    kept = headers_seen(client.get("/", headers={"X-Request-ID": "order-4711-retry"}))
    assert kept["x-request-id"] == ["order-4711-retry"]
    replaced = headers_seen(client.get("/", headers={"X-Request-ID": 'a"}{"level":"x'}))
    assert re.fullmatch(r"[0-9a-f]{32}", replaced["x-request-id"][0])


def test_a_socket_passes_through(proxy: Proxy) -> None:
    with connect(f"ws://127.0.0.1:{proxy.http_port}/ws/widget/", open_timeout=60) as socket:
        assert json.loads(socket.recv(timeout=60)) == {"host": f"127.0.0.1:{proxy.http_port}"}
        socket.send("Xin chào")
        assert socket.recv(timeout=60) == "Xin chào"


def test_what_is_for_those_inside_stays_inside(client: httpx.Client) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/ready").status_code == 404
    assert client.get("/health").status_code == 200
    assert client.get("/proxy-health").text == "ok\n"


def test_a_body_that_is_too_large_is_refused_with_a_code(client: httpx.Client) -> None:
    response = client.post("/api/v1/anything", content=b"x" * (2 * 1024 * 1024 + 1))
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "body_too_large"


def test_a_flood_of_log_ins_is_refused_with_a_code(client: httpx.Client) -> None:
    answers = [client.get("/login/") for _ in range(60)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers[:15]} == {200}
    assert refused
    assert refused[0].json()["code"] == "rate_limited"
    assert refused[0].headers["retry-after"] == "2"
    assert client.get("/app/").status_code == 200


def test_static_files_are_cached_for_ever_and_come_compressed(
    proxy: Proxy, client: httpx.Client
) -> None:
    text = b"export const greeting = 'Xin chao';\n" * 40
    (proxy.folder / "static" / "widget.3f2a.js").write_bytes(text)
    in_advance = text + b"// compressed in advance"
    (proxy.folder / "static" / "widget.3f2a.js.gz").write_bytes(gzip.compress(in_advance))
    response = client.get("/static/widget.3f2a.js", headers={"Accept-Encoding": "gzip"})
    assert response.content == in_advance
    assert response.headers["content-encoding"] == "gzip"
    assert "max-age=31536000" in response.headers.get_list("cache-control")[0]
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["x-content-type-options"] == "nosniff"
    missing = client.get("/static/nothing.js")
    assert missing.status_code == 404
    assert "max-age" not in missing.headers.get("cache-control", "")


def test_static_never_leaves_its_folder(proxy: Proxy, client: httpx.Client) -> None:
    (proxy.folder / "secret.txt").write_text("secret")
    for path in ("/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static../secret.txt"):
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        assert client.send(request).text != "secret"


def test_a_log_line_holds_no_address_no_query_and_no_token(
    proxy: Proxy, client: httpx.Client
) -> None:
    client.get(
        "/account/reset/MQ/c4fe-token-of-a-mail/?email=minh@example.com",
        headers={"Authorization": "Bearer very-secret", "X-Request-ID": "request-0001"},
    )
    line = proxy.logged("request-0001")
    told = json.loads(line)
    assert told["message"] == "GET /account: 200"
    assert told["metadata"]["status"] == "200"
    assert set(told) == {
        "timestamp",
        "level",
        "service",
        "correlation_id",
        "user_id",
        "message",
        "metadata",
    }
    for secret in ("c4fe", "minh", "very-secret", "127.0.0.1", "email"):
        assert secret not in line


def test_one_web_process_may_be_away(tmp_path: Path) -> None:
    with upstream() as alive:
        written = write_configuration(tmp_path, server="plain", upstream_ports=(free_port(), alive))
        with running(written), httpx.Client(timeout=60) as client:
            base = f"http://127.0.0.1:{written.http_port}"
            assert [client.get(f"{base}/app/").status_code for _ in range(6)] == [200] * 6


def test_without_any_web_process_the_answer_says_what_to_do(tmp_path: Path) -> None:
    written = write_configuration(
        tmp_path, server="plain", upstream_ports=(free_port(), free_port())
    )
    with running(written):
        response = httpx.get(f"http://127.0.0.1:{written.http_port}/app/", timeout=60)
        health = httpx.get(f"http://127.0.0.1:{written.http_port}/proxy-health", timeout=60)
    assert response.status_code == 503
    assert response.json()["code"] == "unavailable"
    assert response.headers["retry-after"] == "5"
    assert health.status_code == 200


def test_with_tls_http_is_redirected_and_https_is_told_to_the_application(tmp_path: Path) -> None:
    with upstream() as first, upstream() as second:
        written = write_configuration(tmp_path, server="tls", upstream_ports=(first, second))
        with running(written):
            plain = httpx.get(
                f"http://127.0.0.1:{written.http_port}/app/inbox/?filter=mine",
                headers={"Host": "crm.example.com"},
                timeout=60,
            )
            trust = ssl.create_default_context(cafile=written.folder / "certificates/fullchain.pem")
            secure = httpx.get(
                f"https://localhost:{written.https_port}/app/", verify=trust, timeout=60
            )
    assert plain.status_code == 308
    assert plain.headers["location"] == "https://crm.example.com/app/inbox/?filter=mine"
    assert headers_seen(secure)["x-forwarded-proto"] == ["https"]


def test_with_tls_a_socket_is_a_wss_one_or_none(tmp_path: Path) -> None:
    with upstream() as first, upstream() as second:
        written = write_configuration(tmp_path, server="tls", upstream_ports=(first, second))
        with running(written):
            # Redirected like every page, and a redirect opens no socket.
            with pytest.raises(InvalidURI, match=r"https://127\.0\.0\.1/ws/inbox/"):
                connect(f"ws://127.0.0.1:{written.http_port}/ws/inbox/", open_timeout=PATIENCE)
            trust = ssl.create_default_context(cafile=written.folder / "certificates/fullchain.pem")
            with connect(
                f"wss://localhost:{written.https_port}/ws/inbox/", ssl=trust, open_timeout=PATIENCE
            ) as socket:
                assert json.loads(socket.recv(timeout=PATIENCE))["host"].startswith("localhost")


def test_the_image_holds_the_files_that_nginx_includes() -> None:
    text = "".join(path.read_text() for path in (CHECKOUT / "deploy" / "nginx").rglob("*.conf"))
    included = set(re.findall(r"include /etc/nginx/nextflow/([\w.]+);", text))
    assert included == {"server.conf", "locations.conf"}
    assert (CHECKOUT / "deploy" / "nginx" / "locations.conf").is_file()

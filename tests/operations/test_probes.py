"""`/health` and `/ready`: what a load balancer is told."""

import socket
import threading
from functools import partial
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from pymongo import MongoClient
from qdrant_client import QdrantClient
from redis import Redis

from crm.core import shutdown, stores
from crm.operations.probes import PINGS, Prober
from crm.operations.readiness import ReadinessCheck

ALL_UP = {"postgresql": "up", "mongodb": "up", "redis": "up", "qdrant": "up"}


def test_health_touches_no_store(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched() -> None:
        raise AssertionError("a store was touched")

    for name in ("redis", "mongo", "mongo_db", "qdrant"):
        monkeypatch.setattr(stores, name, touched)
    # No database mark: pytest-django refuses every query of this test.
    response = client.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_ready_when_every_store_answers(client: Client) -> None:
    response = client.get("/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ready", "stores": ALL_UP})
    assert "no-store" in response["Cache-Control"]


def test_ready_refuses_while_redis_is_away(client: Client, redis_is_away: None) -> None:
    response = client.get("/ready")
    assert response.status_code == 503
    assert response.json() == {"status": "not_ready", "stores": ALL_UP | {"redis": "down"}}
    assert response["Retry-After"] == "5"


def test_ready_refuses_while_postgresql_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setitem(connections.settings["default"], "PORT", str(closed_port))
    response = client.get("/ready")
    assert response.status_code == 503
    assert response.json()["stores"] == ALL_UP | {"postgresql": "down"}


def test_ready_refuses_while_mongodb_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    away: MongoClient[dict[str, Any]] = MongoClient(
        f"mongodb://127.0.0.1:{closed_port}/", serverSelectionTimeoutMS=30_000
    )
    monkeypatch.setattr(stores, "mongo", lambda: away)
    try:
        response = client.get("/ready")
    finally:
        away.close()
    assert response.status_code == 503
    assert response.json()["stores"] == ALL_UP | {"mongodb": "down"}


def test_without_qdrant_the_work_goes_on_with_less(
    client: Client, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    away = QdrantClient(url=f"http://127.0.0.1:{closed_port}", check_compatibility=False)
    monkeypatch.setattr(stores, "qdrant", lambda: away)
    response = client.get("/ready")
    assert response.status_code == 200
    assert response.json() == {"status": "degraded", "stores": ALL_UP | {"qdrant": "down"}}


def test_a_process_that_was_told_to_go_takes_no_traffic(client: Client) -> None:
    assert client.get("/ready").status_code == 200
    shutdown.begin()
    response = client.get("/ready")
    assert (response.status_code, response.json()["status"]) == (503, "draining")
    assert client.get("/health").status_code == 200


def test_a_store_that_never_answers_is_down_and_asked_once() -> None:
    """It accepts the connection and says nothing: no refusal ever comes."""
    arrived: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def accept() -> None:
            try:
                while True:
                    arrived.append(silent.accept()[0])
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        redis = Redis(port=silent.getsockname()[1], socket_timeout=20)

        def ping() -> None:
            redis.ping()

        prober = Prober({"redis": ping})
        assert prober.ask() == {"redis": False}
        assert prober.ask() == {"redis": False}
        assert len(arrived) == 1
        for connection in arrived:
            connection.close()
        silent.shutdown(socket.SHUT_RDWR)


def test_the_stores_are_asked_once_in_five_seconds() -> None:
    asked: list[str] = []
    now = [100.0]

    def ping(name: str) -> None:
        asked.append(name)
        PINGS[name]()

    prober = Prober({name: partial(ping, name) for name in PINGS})
    check = ReadinessCheck(prober, clock=lambda: now[0])
    for moment in (100.0, 102.0, 104.9):
        now[0] = moment
        assert check.result().status == "ready"
    assert sorted(asked) == ["mongodb", "postgresql", "qdrant", "redis"]
    now[0] = 105.0
    assert check.result().status == "ready"
    assert len(asked) == 8


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_a_probe_needs_no_known_host_and_no_https(client: Client, settings: Any, path: str) -> None:
    settings.ALLOWED_HOSTS = ["crm.example.com"]
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path, headers={"host": "10.0.0.7:8000"}).status_code == 200
    assert client.get("/login/", headers={"host": "10.0.0.7:8000"}).status_code == 400


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/health/deep"])
def test_probes_are_only_read(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
    assert client.head("/health").status_code == 200

"""Log lines as an operator would read them, and stores that are away or silent."""

import io
import json
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from crm.core import shutdown, stores
from crm.core.observability.logging import JsonFormatter
from crm.operations.readiness import readiness_check

LogLines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """Give what was written so far, each line parsed; at DEBUG, as wide as it can be."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(service="under-test"))
    root = logging.getLogger()
    own = {name: logging.getLogger(name) for name in ("chat", "config", "crm", "knowledge")}
    before = {name: logger.level for name, logger in own.items()}
    root.addHandler(handler)
    for logger in own.values():
        logger.setLevel(logging.DEBUG)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        root.removeHandler(handler)
        for name, logger in own.items():
            logger.setLevel(before[name])


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Give a port of this machine where nobody listens, and nobody else can either."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]


@pytest.fixture
def redis_is_away(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    away = Redis(port=closed_port, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1))
    monkeypatch.setattr(stores, "redis", lambda: away)


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Let no test see what an earlier one asked or began."""
    readiness_check.cache_clear()
    yield
    readiness_check.cache_clear()
    shutdown._requested.clear()

"""Connections that wait in the pool are handed out only while the server holds them open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection as django_connection
from psycopg_pool import ConnectionPool

from crm.core.database.base import check_open

pytestmark = pytest.mark.django_db


@contextmanager
def connected() -> Iterator[psycopg.Connection[Any]]:
    parameters = django_connection.get_connection_params()
    parameters.pop("cursor_factory")
    parameters.pop("context", None)
    with psycopg.connect(**parameters, autocommit=True) as connection:
        yield connection


@pytest.fixture
def idle() -> Iterator[psycopg.Connection[Any]]:
    """Give a connection of the application's that nobody uses."""
    with connected() as connection:
        yield connection


@pytest.fixture
def other() -> Iterator[psycopg.Connection[Any]]:
    with connected() as connection:
        yield connection


def test_a_connection_that_is_open_is_asked_nothing(
    idle: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(ConnectionPool, "check_connection", asked.append)
    check_open(idle)
    assert asked == []


def test_a_connection_that_the_server_closed_is_refused(
    idle: psycopg.Connection[Any], other: psycopg.Connection[Any]
) -> None:
    other.execute("SELECT pg_terminate_backend(%s, 5000)", [idle.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        check_open(idle)


def test_a_connection_that_was_told_something_is_asked(
    idle: psycopg.Connection[Any], other: psycopg.Connection[Any]
) -> None:
    """What is to be read is not always an end."""
    idle.execute("LISTEN something")
    other.execute("NOTIFY something")
    check_open(idle)
    assert idle.execute("SELECT 1").fetchone() == (1,)

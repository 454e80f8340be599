"""Every embedded engine asks for a password that nobody but its owner can read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from redis import Redis
from redis.exceptions import AuthenticationError

from config import engines
from config.engines.mongodb import Mongodb
from config.engines.processes import command_line
from config.engines.state import records, write_records
from tests.config.engine_sets import is_alive, own_folder

NAMES = ("mongodb", "postgresql", "qdrant", "valkey")


@pytest.fixture(scope="module")
def running() -> Iterator[Path]:
    with own_folder() as folder:
        engines.start()
        yield folder


@contextmanager
def mongodb(url: str) -> "Iterator[MongoClient[dict[str, Any]]]":
    client: MongoClient[dict[str, Any]] = MongoClient(
        url, directConnection=True, serverSelectionTimeoutMS=60_000
    )
    with client:
        yield client


def passwords(folder: Path) -> list[str]:
    kept = [json.loads((folder / "secrets" / f"{name}.json").read_text()) for name in NAMES]
    return [password for each in kept for password in each.values()]


@pytest.mark.parametrize("password", [None, "wrong"])
def test_no_engine_lets_anybody_in_without_its_password(
    running: Path, password: str | None
) -> None:
    ports = {name: record.port for name, record in records().items()}
    with (
        Redis(port=ports["valkey"], password=password) as redis,
        pytest.raises(AuthenticationError),
    ):
        redis.get("anything")
    person = f"nextflow:{password}@" if password else ""
    place = f"mongodb://{person}127.0.0.1:{ports['mongodb']}/"
    with mongodb(place) as client, pytest.raises(OperationFailure):
        client["nextflow_chat"]["messages"].find_one()
    headers = {"api-key": password} if password else {}
    base = f"http://127.0.0.1:{ports['qdrant']}"
    for method, path in (("GET", "/"), ("GET", "/collections"), ("PUT", "/collections/mine")):
        answer = httpx.request(method, f"{base}{path}", headers=headers, json={}, timeout=60)
        assert (answer.status_code, set(answer.json())) == (401, {"status", "time"})
    # Whether it lives is no secret, and asked by who has no key.
    assert httpx.get(f"{base}/readyz", timeout=60).status_code == 200
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host="127.0.0.1",
            port=ports["postgresql"],
            user="nextflow_app",
            dbname="nextflow_crm",
            password=password or "",
        )


def test_passwords_stand_in_no_argument_no_log_and_no_table(running: Path) -> None:
    secrets = passwords(running)
    assert len(secrets) == len(set(secrets)) == 6
    assert all(len(secret) >= 32 for secret in secrets)
    shown = " ".join(argument for r in records().values() for argument in command_line(r.pid))
    shown += " ".join(status.url for status in engines.status())
    shown += (running / "engines.json").read_text()
    for log in (running / "log").iterdir():
        shown += log.read_text(errors="replace")
    assert [secret for secret in secrets if secret in shown] == []


def test_files_with_passwords_and_logs_are_their_owners_alone(running: Path) -> None:
    files = [
        *(running / "secrets").iterdir(),
        *(running / "log").iterdir(),
        running / "valkey" / "valkey.conf",
        running / "qdrant" / "api_key",
        running / "engines.json",
    ]
    assert [path for path in files if path.stat().st_mode & 0o077] == []
    for name in ("secrets", "log", *NAMES):
        assert (running / name).stat().st_mode & 0o077 == 0, name


def test_data_of_a_version_without_passwords_is_opened_with_one(folder: Path) -> None:
    """Its MongoDB has no user, and its Valkey no configuration."""
    engine = Mongodb()
    engine.data_dir.mkdir()
    (engine.data_dir / "secantusd.toml").touch()
    with engine._open_server(()) as client:
        client["nextflow_chat"]["messages"].insert_one({"_id": 1})
    urls = engines.start(["mongodb", "valkey"])
    with mongodb(urls.mongodb) as client:
        assert client["nextflow_chat"]["messages"].count_documents({}) == 1
    with Redis.from_url(urls.redis) as redis:
        assert redis.ping()


def test_an_engine_that_an_earlier_version_left_running_is_started_again(folder: Path) -> None:
    urls = engines.start(["valkey"])
    with Redis.from_url(urls.redis) as redis:
        redis.set("word", "kept")
    before = records()["valkey"]
    # What earlier versions wrote of an engine says nothing of passwords.
    write_records({"valkey": replace(before, asks=False)})
    assert "valkey" in engines.missing()
    urls = engines.start(["valkey"])
    assert not is_alive(before.pid)
    with Redis.from_url(urls.redis) as redis:
        assert redis.get("word") == b"kept"


def test_a_lost_password_is_made_anew_and_the_data_kept(folder: Path) -> None:
    urls = engines.start(["mongodb"])
    with mongodb(urls.mongodb) as client:
        client["nextflow_chat"]["messages"].insert_one({"_id": 1})
    engines.stop()
    (folder / "secrets" / "mongodb.json").unlink()
    again = engines.start(["mongodb"])
    assert again.mongodb != urls.mongodb
    with mongodb(again.mongodb) as client:
        assert client["nextflow_chat"]["messages"].count_documents({}) == 1

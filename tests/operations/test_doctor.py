"""`manage.py doctor` against real stores: healthy, wrongly named, locked, full and too old."""

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.management import CommandError, call_command
from psycopg import sql
from pymongo import MongoClient
from redis import Redis

from config import engines
from config.engines.secrets import postgres_passwords
from crm.operations import doctor
from crm.operations.doctor import mongodb as mongodb_examination
from crm.operations.doctor import postgresql as postgresql_examination
from crm.operations.doctor import qdrant as qdrant_examination
from crm.operations.doctor import redis as redis_examination
from tests.config.engine_sets import own_folder

STORES = ("database", "mongodb", "redis", "qdrant")
NOWHERE = "127.0.0.1:1"


@pytest.fixture(scope="module")
def urls() -> Iterator[engines.StoreUrls]:
    with own_folder():
        yield engines.start()


@pytest.fixture(scope="module")
def owner_url(urls: engines.StoreUrls) -> str:
    """Who may make databases; asked before a test gives the stores by URL."""
    return engines.owner_url()


@pytest.fixture(scope="module")
def api_key(urls: engines.StoreUrls) -> str:
    """What Qdrant asks for; asked before a test gives the stores by URL."""
    return engines.qdrant_api_key()


@pytest.fixture
def given(
    urls: engines.StoreUrls, api_key: str, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """Give the four stores by URL, each of which a test may replace."""
    for store, url in zip(
        STORES, (urls.database, urls.mongodb, urls.redis, urls.qdrant), strict=True
    ):
        monkeypatch.setenv(engines.url_variable(store), url)
    monkeypatch.setenv("QDRANT_API_KEY", api_key)
    return monkeypatch


def told(*, is_well: bool) -> tuple[dict[str, dict[str, Any]], str]:
    """Run the command; give its rows by store and everything it printed."""
    printed = io.StringIO()
    if is_well:
        call_command("doctor", "--json", stdout=printed)
    else:
        with pytest.raises(CommandError, match="Not usable") as failure:
            call_command("doctor", "--json", stdout=printed)
        assert failure.value.returncode == 1
    return {row["store"]: row for row in json.loads(printed.getvalue())}, printed.getvalue()


def with_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


# --- all is well --------------------------------------------------------------------------------


def test_embedded_engines_are_named_written_and_read_back(urls: engines.StoreUrls) -> None:
    rows, printed = told(is_well=True)
    assert [rows[store]["source"] for store in (*STORES, "folder")] == ["embedded"] * 5
    assert all(row["ok"] and row["reachable"] and row["written"] for row in rows.values())
    assert rows["database"]["server"] == "PostgreSQL"
    assert rows["database"]["version"] == "18.6"
    assert {"UTF-8", "btree_gin", "pg_trgm", "unaccent"} <= set(rows["database"]["has"])
    assert "replica set" in rows["mongodb"]["has"]
    assert rows["redis"]["server"] == "Valkey"
    assert "aliases" in rows["qdrant"]["has"]
    assert str(urlsplit(urls.database).password) not in printed


def test_given_stores_are_told_apart_and_nothing_is_left_behind(
    given: pytest.MonkeyPatch, urls: engines.StoreUrls
) -> None:
    rows, printed = told(is_well=True)
    assert [rows[store]["source"] for store in STORES] == ["given"] * 4
    assert "folder" not in rows
    assert str(urlsplit(urls.database).password) not in printed
    assert Redis.from_url(urls.redis).dbsize() == 0
    printed_for_people = io.StringIO()
    call_command("doctor", stdout=printed_for_people)
    assert printed_for_people.getvalue().count("reachable, written and read back") == 4


# --- nobody there, or somebody else -------------------------------------------------------------


def test_engines_that_do_not_run() -> None:
    with own_folder():
        rows, _ = told(is_well=False)
    assert rows["redis"]["problem"] == "The embedded valkey does not run."
    assert rows["redis"]["advice"] == "Run `manage.py engines start`, or set REDIS_URL."
    assert [rows[store]["ok"] for store in STORES] == [False] * 4
    assert rows["folder"]["ok"]


@pytest.mark.parametrize("place", [NOWHERE, "nobody.invalid:1234"])
def test_nobody_listens(given: pytest.MonkeyPatch, place: str) -> None:
    secret = "hidden-in-every-message"
    given.setenv("DATABASE_URL", f"postgresql://somebody:{secret}@{place}/x")
    given.setenv("MONGODB_URL", f"mongodb://somebody:{secret}@{place}/")
    given.setenv("REDIS_URL", f"redis://:{secret}@{place}/0")
    given.setenv("QDRANT_URL", f"http://{place}")
    rows, printed = told(is_well=False)
    expected = {
        NOWHERE: f"Nothing listens at {NOWHERE}.",
        "nobody.invalid:1234": "The host name nobody.invalid is not known.",
    }[place]
    assert {row["problem"] for row in rows.values()} == {expected}
    assert all(engines.url_variable(store) in rows[store]["advice"] for store in STORES)
    assert secret not in printed


def test_what_is_no_url_of_that_store(given: pytest.MonkeyPatch) -> None:
    for store, url in zip(
        STORES, ("mysql://host/x", "http://host", "127.0.0.1:6379", "host:6333"), strict=True
    ):
        given.setenv(engines.url_variable(store), url)
    rows, _ = told(is_well=False)
    for store in STORES:
        assert rows[store]["problem"] == (
            f"{engines.url_variable(store)} is not a URL for this store."
        )


def test_another_server_answers(given: pytest.MonkeyPatch, urls: engines.StoreUrls) -> None:
    mongodb, valkey, qdrant = (
        urlsplit(url).netloc.rpartition("@")[2] for url in (urls.mongodb, urls.redis, urls.qdrant)
    )
    given.setenv("DATABASE_URL", f"postgresql://somebody:x@{mongodb}/x")
    given.setenv("REDIS_URL", f"redis://{qdrant}/0")
    given.setenv("QDRANT_URL", f"http://{valkey}")
    rows, _ = told(is_well=False)
    for store in ("redis", "qdrant"):
        assert "answers, but not in the way this store would" in rows[store]["problem"]
        assert not rows[store]["reachable"]
    # Both sides wait there: PostgreSQL's greeting is the beginning of a message to the other.
    assert rows["database"]["problem"] == f"{mongodb} did not answer within 5 seconds."
    assert "or correct DATABASE_URL" in rows["database"]["advice"]
    assert rows["mongodb"]["ok"]


# --- not let in, not able to write --------------------------------------------------------------


def test_a_wrong_password(given: pytest.MonkeyPatch, urls: engines.StoreUrls) -> None:
    right = urlsplit(urls.database).password or ""
    given.setenv("DATABASE_URL", urls.database.replace(right, "wrong-word"))
    given.setenv("QDRANT_API_KEY", "wrong-word")
    place = urlsplit(urls.redis).netloc.rpartition("@")[2]
    given.setenv("REDIS_URL", f"redis://{place}/0")
    rows, printed = told(is_well=False)
    given.setenv("REDIS_URL", f"redis://:wrong-word@{place}/0")
    again, _ = told(is_well=False)
    assert "does not accept this user and password" in rows["database"]["problem"]
    assert "does not accept this password, or asks for one" in rows["redis"]["problem"]
    assert rows["redis"]["problem"] == again["redis"]["problem"]
    assert "wrong-word" not in printed


def test_a_database_that_is_not_there(given: pytest.MonkeyPatch, urls: engines.StoreUrls) -> None:
    given.setenv("DATABASE_URL", with_database(urls.database, "absent"))
    rows, _ = told(is_well=False)
    assert "has no such database or role" in rows["database"]["problem"]


def test_a_read_only_database(given: pytest.MonkeyPatch, urls: engines.StoreUrls) -> None:
    given.setenv("DATABASE_URL", f"{urls.database}?options=-cdefault_transaction_read_only%3Don")
    rows, _ = told(is_well=False)
    assert rows["database"]["problem"].startswith("PostgreSQL is read-only")
    assert rows["database"]["reachable"]


def test_a_redis_that_only_copies_another(
    given: pytest.MonkeyPatch, urls: engines.StoreUrls
) -> None:
    with contextlib.closing(Redis.from_url(urls.redis)) as redis:
        redis.replicaof("127.0.0.1", 1)
        try:
            rows, _ = told(is_well=False)
        finally:
            redis.replicaof("NO", "ONE")
    assert rows["redis"]["problem"] == "Redis is a read-only replica."


def test_a_full_redis(given: pytest.MonkeyPatch, urls: engines.StoreUrls) -> None:
    Redis.from_url(urls.redis).config_set("maxmemory", "1")
    try:
        rows, _ = told(is_well=False)
    finally:
        Redis.from_url(urls.redis).config_set("maxmemory", "0")
    assert rows["redis"]["problem"] == "Redis has no memory left."


def test_a_folder_that_cannot_be_written(
    urls: engines.StoreUrls, given: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given.delenv("REDIS_URL")
    (tmp_path / "file").touch()
    given.setenv("NEXTFLOW_VAR", str(tmp_path / "file" / "var"))
    rows, _ = told(is_well=False)
    assert "cannot be written" in rows["folder"]["problem"]
    assert "NEXTFLOW_VAR" in rows["folder"]["advice"]


# --- not what the product needs -----------------------------------------------------------------


def test_versions_that_are_too_old(given: pytest.MonkeyPatch) -> None:
    given.setattr(postgresql_examination, "_MIN_VERSION", 99)
    given.setattr(mongodb_examination, "_MIN_VERSION", (99, 0))
    given.setattr(redis_examination, "_MIN_VERSION", 99)
    given.setattr(qdrant_examination, "_MIN_VERSION", (99, 0))
    rows, _ = told(is_well=False)
    for store in STORES:
        assert rows[store]["problem"].endswith("is too old."), rows[store]
        assert "Upgrade it to version 99" in rows[store]["advice"]


def test_a_database_in_another_encoding(
    owner_url: str, given: pytest.MonkeyPatch, urls: engines.StoreUrls
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE narrow ENCODING 'LATIN1' TEMPLATE template0"
            " LOCALE_PROVIDER libc LOCALE 'C'"
        )
    given.setenv("DATABASE_URL", with_database(urls.database, "narrow"))
    rows, _ = told(is_well=False)
    assert rows["database"]["problem"] == "The database is encoded in LATIN1."


def test_extensions_that_are_not_created_and_may_not_be(
    owner_url: str, given: pytest.MonkeyPatch, urls: engines.StoreUrls
) -> None:
    passwords = postgres_passwords()
    assert passwords is not None
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE bare"))
    place = urlsplit(urls.database).netloc.rpartition("@")[2]
    application = f"postgresql://nextflow_app:{passwords.nextflow_app}@{place}/bare"
    given.setenv("DATABASE_URL", application)
    rows, printed = told(is_well=False)
    assert "btree_gin, pg_trgm, unaccent is not created" in rows["database"]["problem"]
    assert "CREATE EXTENSION btree_gin" in rows["database"]["advice"]
    assert passwords.nextflow_app not in printed


def test_examining_leaves_no_collection_behind(
    given: pytest.MonkeyPatch, urls: engines.StoreUrls, api_key: str
) -> None:
    found = doctor.examine(urls, mongodb_name="examined", qdrant_api_key=api_key)
    assert [diagnosis.problem for diagnosis in found] == [""] * 4
    client: MongoClient[dict[str, Any]] = MongoClient(urls.mongodb)
    with contextlib.closing(client):
        assert client["examined"].list_collection_names() == []


# --- not held by row-level security -------------------------------------------------------------


def test_an_application_that_owns_the_tables(owner_url: str, given: pytest.MonkeyPatch) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS owned (id int)")
    given.setenv("DATABASE_URL", owner_url)
    rows, _ = told(is_well=False)
    assert rows["database"]["problem"] == (
        "The application's role nextflow_owner owns tables, so it may switch their policies off."
    )
    assert "deploy/postgresql/roles.sql" in rows["database"]["advice"]


def test_an_application_that_is_a_superuser(
    owner_url: str, given: pytest.MonkeyPatch, urls: engines.StoreUrls
) -> None:
    passwords = postgres_passwords()
    assert passwords is not None
    place = urlsplit(urls.database).netloc.rpartition("@")[2]
    given.setenv("DATABASE_URL", f"postgresql://postgres:{passwords.postgres}@{place}/nextflow_crm")
    rows, printed = told(is_well=False)
    assert "postgres is a superuser" in rows["database"]["problem"]
    assert passwords.postgres not in printed


def test_an_application_that_passes_locks_by(
    owner_url: str, given: pytest.MonkeyPatch, urls: engines.StoreUrls
) -> None:
    passwords = postgres_passwords()
    assert passwords is not None
    place = urlsplit(urls.database).netloc.rpartition("@")[2]
    admin = f"postgresql://postgres:{passwords.postgres}@{place}/nextflow_crm"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("ALTER ROLE nextflow_app BYPASSRLS")
        try:
            rows, _ = told(is_well=False)
        finally:
            connection.execute("ALTER ROLE nextflow_app NOBYPASSRLS")
    assert rows["database"]["problem"] == "The application's role nextflow_app has BYPASSRLS."
    assert "NOBYPASSRLS" in rows["database"]["advice"]

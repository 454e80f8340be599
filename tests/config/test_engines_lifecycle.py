"""Starting, finding again and stopping the embedded engines."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from pymongo import MongoClient
from qdrant_client import QdrantClient
from redis import Redis

from config import engines
from config.engines import supervision
from config.engines.paths import CHECKOUT
from config.engines.state import records, write_records
from config.engines.urls import ENGINES
from crm.core.stores import qdrant_headers
from tests import engines_plugin
from tests.config.engine_sets import is_alive, own_engines, own_folder

NAMES = ("mongodb", "postgresql", "qdrant", "valkey")


def eventually(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.02)
    return False


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


# --- one set, started and stopped ---------------------------------------------------------------


def test_a_first_start_makes_four_stores_that_are_found_again_and_stop(folder: Path) -> None:
    assert engines.missing() == [engine.name for engine in ENGINES]
    urls = engines.start()

    with psycopg.connect(urls.database) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert connection.execute("SHOW max_connections").fetchone() == ("200",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        extensions = connection.execute("SELECT extname FROM pg_extension").fetchall()
        assert {"btree_gin", "pg_trgm", "unaccent"} <= {name for (name,) in extensions}
        who = "SELECT current_user, pg_get_userbyid(datdba), rolsuper FROM pg_database, pg_roles"
        here = " WHERE datname = current_database() AND rolname = current_user"
        assert connection.execute(who + here).fetchone() == (
            "nextflow_app",
            "nextflow_owner",
            False,
        )
        app = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'nextflow_app'"
        assert connection.execute(app).fetchone() == (False, False)
        becomes = "SELECT pg_has_role('nextflow_operator', 'SET'), pg_has_role(%s, 'USAGE')"
        assert connection.execute(becomes, ["nextflow_operator"]).fetchone() == (True, False)
        assert connection.execute("SELECT lower('ĐẮK ПРИВЕТ')").fetchone() == ("đắk привет",)
    mongodb: MongoClient[dict[str, object]] = MongoClient(urls.mongodb)
    assert mongodb.admin.command("hello")["setName"]
    mongodb.close()
    with Redis.from_url(urls.redis, decode_responses=True) as redis:
        assert redis.config_get("appendonly") == {"appendonly": "yes"}
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}

    before = records()
    assert engines.start() == urls == engines.store_urls()
    assert records() == before
    assert [entry.ready for entry in engines.status()] == [True] * 4
    assert engines.missing() == []

    assert sorted(engines.stop()) == list(NAMES)
    assert [is_alive(record.pid) for record in before.values()] == [False] * 4
    assert engines.stop() == []
    assert [entry.ready for entry in engines.status()] == [False] * 4


def test_secrets_are_readable_by_their_owner_only(folder: Path) -> None:
    urls = engines.start(["postgresql"])
    password = urlsplit(urls.database).password or ""
    assert len(password) >= 32
    for path in folder.rglob("*.json"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert password not in (folder / "engines.json").read_text()
    assert all(password not in entry.url for entry in engines.status())
    wrong = urls.database.replace(password, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_data_and_ports_survive_a_restart(folder: Path) -> None:
    urls = engines.start(["valkey"])
    Redis.from_url(urls.redis).set("word", "kept")
    engines.stop()
    assert engines.start(["valkey"]).redis == urls.redis
    assert Redis.from_url(urls.redis).get("word") == b"kept"


def test_a_taken_port_is_replaced_and_the_data_kept(folder: Path) -> None:
    urls = engines.start(["valkey"])
    Redis.from_url(urls.redis).set("word", "kept")
    engines.stop()
    with socket.create_server(("127.0.0.1", port_of(urls.redis))):
        again = engines.start(["valkey"])
    assert port_of(again.redis) != port_of(urls.redis)
    assert Redis.from_url(again.redis).get("word") == b"kept"


@pytest.mark.parametrize("name", NAMES)
def test_a_port_that_is_lost_in_the_last_moment_is_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        offered = [stranger.getsockname()[1]]
        real = supervision.free_port

        def losing_port(**kwargs: object) -> int:
            return offered.pop() if offered else real(preferred=None, taken=set())

        monkeypatch.setattr(supervision, "free_port", losing_port)
        engines.start([name])
        assert offered == []
        assert records()[name].port != stranger.getsockname()[1]
    assert next(entry for entry in engines.status() if entry.engine == name).ready


def test_two_checkouts_run_side_by_side() -> None:
    with own_engines(["qdrant", "valkey"]) as one:
        Redis.from_url(one.redis).set("word", "one")
        with own_engines(["qdrant", "valkey"]) as other:
            assert Redis.from_url(other.redis).get("word") is None
            assert {one.redis, one.qdrant}.isdisjoint({other.redis, other.qdrant})
            with contextlib.closing(
                QdrantClient(
                    url=other.qdrant,
                    headers=qdrant_headers(engines.qdrant_api_key()),
                    check_compatibility=False,
                )
            ) as client:
                assert client.get_collections().collections == []
        assert Redis.from_url(one.redis).get("word") == b"one"


def test_two_commands_at_once_start_one_engine(folder: Path) -> None:
    command = "from config import engines; print(engines.start(['valkey']).redis)"
    both = [
        subprocess.Popen([sys.executable, "-c", command], cwd=CHECKOUT, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = {process.communicate(timeout=60)[0] for process in both}
    assert len(answers) == 1
    assert answers.pop().decode().strip() == engines.store_urls().redis


def test_an_engine_is_found_when_its_record_was_lost(folder: Path) -> None:
    urls = engines.start(["valkey"])
    pid = records()["valkey"].pid
    (folder / "engines.json").unlink()
    assert engines.start(["valkey"]) == urls
    (folder / "engines.json").write_text("{ no json")
    assert engines.store_urls() == urls
    assert engines.stop() == ["valkey"]
    assert not is_alive(pid)


def test_a_copy_of_a_folder_has_engines_and_data_of_its_own(folder: Path) -> None:
    urls = engines.start(["valkey"])
    Redis.from_url(urls.redis).set("word", "original")
    with own_folder() as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        assert "valkey" in engines.missing()
        of_the_copy = engines.start(["valkey"])
        assert of_the_copy.redis != urls.redis
        Redis.from_url(of_the_copy.redis).set("word", "copy")
    assert Redis.from_url(urls.redis).get("word") == b"original"


def test_a_stopped_folder_can_be_restored_elsewhere(folder: Path) -> None:
    engines.start(["postgresql"])
    with psycopg.connect(engines.owner_url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    engines.stop()
    with own_folder() as restored:
        shutil.copytree(folder, restored, dirs_exist_ok=True)
        for path in (restored / "postgresql", *(restored / "postgresql").rglob("*")):
            shutil.chown(path, (folder / "postgresql").stat().st_uid)
        engines.start(["postgresql"])
        with psycopg.connect(engines.owner_url()) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


def test_a_log_that_has_grown_is_put_aside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_LOG_LIMIT", 100)
    log = folder / "log" / "valkey.log"
    log.parent.mkdir()
    log.write_text("old words\n" * 20)
    engines.start(["valkey"])
    assert "old words" in (folder / "log" / "valkey.log.1").read_text()
    assert "old words" not in log.read_text()


# --- pids ---------------------------------------------------------------------------------------


def test_a_process_that_got_the_number_of_an_engine_is_left_alone(folder: Path) -> None:
    engines.start(["valkey"])
    engines.stop()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        stale = records()["valkey"]
        write_records({"valkey": replace(stale, pid=bystander.pid)})
        (folder / "valkey.lock").unlink()
        assert engines.stop() == []
        assert engines.status()[1].pid is None
        urls = engines.start(["valkey"])
        assert Redis.from_url(urls.redis).ping()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_postgresql_starts_although_its_old_number_is_taken(folder: Path) -> None:
    engines.start(["postgresql"])
    record = records()["postgresql"]
    os.kill(record.pid, signal.SIGKILL)
    assert eventually(lambda: not record.is_alive)
    pid_file = folder / "postgresql" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        pid_file.write_text("\n".join([str(bystander.pid), *lines[1:]]))
        urls = engines.start(["postgresql"])
        psycopg.connect(urls.database).close()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


# --- for test runs ------------------------------------------------------------------------------


def test_engines_of_a_killed_test_run_are_swept_away() -> None:
    with own_folder() as folder:
        engines.start(["valkey"])
        pid = records()["valkey"].pid
        finished = subprocess.Popen([sys.executable, "-c", ""])
        finished.wait()
        (folder / "owner").write_text(f"{finished.pid} long-gone")
        engines_plugin._sweep()
        assert not is_alive(pid)
        assert not folder.exists()
        folder.mkdir()  # the context's own clean-up expects it


def test_workers_waiting_for_the_lock_get_the_same_engine(folder: Path) -> None:
    urls: list[engines.StoreUrls] = []
    threads = [
        threading.Thread(target=lambda: urls.append(engines.start(["valkey"]))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(urls) == 4
    assert len(set(urls)) == 1

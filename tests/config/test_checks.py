"""A wrong setting is told with the variable's name and what to set."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks

from config import checks
from config.engines import StoreUrls


def ids(messages):
    return [message.id for message in messages]


def test_the_present_settings_pass():
    assert [m for m in run_checks() if m.id and m.id.startswith("nextflow.")] == []


@pytest.mark.parametrize(
    ("store", "url", "expected"),
    [
        ("database", "mysql://somewhere/crm", "nextflow.E001"),
        ("mongodb", "somewhere:27017", "nextflow.E002"),
        ("redis", "http://somewhere", "nextflow.E003"),
        ("qdrant", "somewhere:6333", "nextflow.E004"),
    ],
)
def test_a_store_url_of_another_kind_is_named(settings, store, url, expected):
    given = {
        "database": "postgresql://host/name",
        "mongodb": "mongodb://host/name",
        "redis": "redis://host/0",
        "qdrant": "http://host:6333",
    }
    settings.STORE_URLS = StoreUrls(**(given | {store: url}))
    (message,) = checks.stores_are_urls()
    assert message.id == expected
    assert url not in f"{message.msg} {message.hint}"  # it may hold a password
    assert f"{store.upper()}_URL" in message.msg


def test_a_missing_secret_key_is_told_with_a_way_to_make_one(settings):
    settings.SECRET_KEY = ""
    (message,) = checks.secret_key_is_set()
    assert "token_urlsafe" in str(message.hint)


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_heartbeat_that_proxies_would_cut_is_refused(settings, seconds):
    settings.CHAT_HEARTBEAT_SECONDS = seconds
    assert ids(checks.limits_are_sane()) == ["nextflow.E011"]


def test_an_unknown_log_level_is_refused(settings):
    settings.LOG_LEVEL = "LOUD"
    assert ids(checks.limits_are_sane()) == ["nextflow.E012"]


def test_what_strangers_could_reach_is_told_before_deployment(settings):
    settings.ALLOWED_HOSTS = []
    settings.DEMO_ENABLED = True
    settings.METRICS_TOKEN = ""
    assert ids(checks.ready_for_strangers()) == [
        "nextflow.E020",
        "nextflow.W026",
        "nextflow.W021",
        "nextflow.W022",
        "nextflow.W023",
        "nextflow.W024",
    ]


@pytest.mark.parametrize("hosts", [["*"], ["crm.example", "*"], ["."]])
def test_hosts_that_let_every_host_in_are_refused(settings, hosts):
    settings.ALLOWED_HOSTS = hosts
    assert "nextflow.E025" in ids(checks.ready_for_strangers())
    settings.ALLOWED_HOSTS = ["crm.example", ".crm.example"]
    assert "nextflow.E025" not in ids(checks.ready_for_strangers())


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("ACCESS_TOKEN_KEYS", [f"a:{'x' * 32}", f"b:{'y' * 32}"], []),
        ("ACCESS_TOKEN_KEYS", ["a:short"], ["nextflow.E015"]),
        ("ACCESS_TOKEN_KEYS", ["x" * 40], ["nextflow.E015"]),
        ("ACCESS_TOKEN_KEYS", [f"a:{'x' * 32}", f"a:{'y' * 32}"], ["nextflow.E015"]),
        ("CREDENTIAL_KEYS", ["short"], ["nextflow.E016"]),
        ("CREDENTIAL_KEYS", ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="], []),
    ],
)
def test_keys_that_are_none_are_named(
    settings, name: str, value: list[str], found: list[str]
) -> None:
    setattr(settings, name, value)
    assert ids(checks.keys_are_keys()) == found


def test_a_process_that_asks_no_index_does_not_import_its_client() -> None:
    """It takes half a second and 54 MB of every process, beat among them."""
    code = (
        "import sys, config.celery, django; django.setup(); print('qdrant_client' in sys.modules)"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_each_id_names_one_check() -> None:
    found = re.findall(r'"(nextflow\.[EW]\d{3})"', Path(checks.__file__).read_text("utf-8"))
    assert len(found) > 10
    assert len(found) == len(set(found))

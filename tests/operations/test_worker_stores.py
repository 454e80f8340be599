"""A test that runs a worker shares neither queue nor database with one that does not."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from config.celery import app
from crm.core import redis_circuit_breaker, stores
from crm.operations import canary
from crm.operations.tasks import record_canary
from crm.organizations.models import Organization
from tests import worker_stores as second
from tests.servers import CHECKOUT

NAMED = ("MONGODB_NAME", "REDIS_URL", "QDRANT_PREFIX", "CHANNEL_PREFIX", "CELERY_BROKER_URL")
_PROGRAM = f"""
import json, django
django.setup()
from django.conf import settings
named = {{name: getattr(settings, name) for name in {NAMED}}}
print(json.dumps(named | {{"DATABASE": settings.DATABASES["default"]["NAME"]}}))
"""


def names() -> dict[str, Any]:
    """Return what this process would use now, asked of the clients and not of the settings."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (database,) = cursor.fetchone()
    told = {name: getattr(settings, name) for name in NAMED}
    number = int(settings.REDIS_URL.rpartition("/")[2])
    for client in (stores.redis(), redis_circuit_breaker.client()):
        assert client.client_info()["db"] == number
    assert app.connection_for_write().virtual_host == str(number)
    assert stores.mongo_db().name == settings.MONGODB_NAME
    return told | {"DATABASE": database}


def names_in_a_process(environment: dict[str, str]) -> dict[str, Any]:
    told = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "config.settings.test"},
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_module_worker")
def test_worker_takes_no_task_of_a_test_without_one(stores_clean: None) -> None:
    record_canary.apply_async(args=("ai",), queue="ai")
    with second.in_use():
        record_canary.apply_async(args=("ai",), queue="ai")
        second.await_idle_worker()
        assert stores.redis().hexists(canary.KEY, "ai")
        stores.redis().flushdb()
    assert stores.redis().llen("ai") == 1
    assert not stores.redis().hlen("unacked")


@pytest.mark.django_db(transaction=True)
def test_both_sets_of_stores_differ_in_every_name() -> None:
    before = names()
    with second.in_use():
        inside = names()
    assert {name for name in before if before[name] == inside[name]} == set()
    assert names() == before


@pytest.mark.django_db(transaction=True)
def test_server_of_a_test_uses_the_stores_of_the_test() -> None:
    assert names_in_a_process(second.current_environment()) == names()
    with second.in_use():
        assert names_in_a_process(second.current_environment()) == names()


@pytest.mark.django_db(transaction=True)
def test_rows_of_one_set_are_not_in_the_other(organization: Organization) -> None:
    with second.in_use():
        assert Organization.objects.count() == 0
        assert stores.mongo_db().list_collection_names() != []
    assert Organization.objects.get() == organization


@pytest.mark.django_db(transaction=True)
def test_worker_sees_the_rows_of_its_test(web_worker: None, organization: Organization) -> None:
    assert second.is_in_use()
    assert connection.settings_dict["NAME"].endswith(f"_{second.WORKER}")
    assert Organization.objects.get() == organization


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("web_worker")
def test_worker_is_idle_only_after_the_last_task_has_ended() -> None:
    for number in range(20):
        record_canary.apply_async(args=(f"made-up-{number}",), queue="ai")
    record_canary.apply_async(args=("much-later",), queue="ai", countdown=3600)
    second.await_idle_worker()
    assert stores.redis().llen("ai") == 0
    # The one that waits for its time.
    assert stores.redis().hlen("unacked") == 1

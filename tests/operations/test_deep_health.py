"""`/health/deep`: writes and reads in each store, for those who may know."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from crm.core import stores
from crm.core.admin.site import SEEN_KEY
from crm.core.database.owner import as_owner
from crm.operations import canary, gauges
from crm.operations.models import StoreProbe
from crm.organizations.models import Membership

TOKEN = "scraper-token-of-a-test"


@pytest.fixture
def fresh_canaries(stores_clean: None) -> None:
    for queue in canary.QUEUES:
        canary.note_seen(stores.redis(), queue=queue)


@pytest.fixture
def as_scraper(settings: Any) -> dict[str, str]:
    settings.METRICS_TOKEN = TOKEN
    return {"Authorization": f"Bearer {TOKEN}"}


def test_a_stranger_learns_nothing(client: Client, db: None) -> None:
    response = client.get("/health/deep")
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


def test_an_agent_may_not_look_inside(client: Client, agent: Membership) -> None:
    client.force_login(agent.user)
    response = client.get("/health/deep")
    assert (response.status_code, response.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer", f"Basic {TOKEN}", "", "Bearer \u00fc"])
def test_another_token_is_refused(client: Client, db: None, settings: Any, given: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert client.get("/health/deep", headers={"Authorization": given}).status_code == 401


def test_an_empty_setting_is_no_token(client: Client, db: None, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/health/deep", headers={"Authorization": "Bearer "}).status_code == 401


def test_an_operator_sees_it_in_the_browser(
    client: Client, owner: Membership, fresh_canaries: None
) -> None:
    owner.user.is_superuser = owner.user.is_staff = True
    owner.user.save(update_fields=["is_superuser", "is_staff"])
    client.force_login(owner.user)
    assert client.get("/health/deep").status_code == 200


def test_deep_health_asks_a_superuser_for_what_the_admin_asks_for(
    client: Client, owner: Membership, fresh_canaries: None, settings: Any
) -> None:
    settings.OPERATOR_REQUIRES_MFA = True
    owner.user.is_superuser = owner.user.is_staff = True
    owner.user.save(update_fields=["is_superuser", "is_staff"])
    client.force_login(owner.user)
    assert client.get("/health/deep").status_code == 403
    TOTP.activate(owner.user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    assert client.get("/health/deep").status_code == 200
    session = client.session
    session[SEEN_KEY] -= settings.OPERATOR_IDLE_MINUTES * 60 + 1
    session.save()
    assert client.get("/health/deep").status_code == 403


@pytest.mark.django_db
def test_each_store_takes_a_write_and_gives_it_back(
    client: Client, as_scraper: dict[str, str], fresh_canaries: None
) -> None:
    response = client.get("/health/deep", headers=as_scraper)
    report = response.json()
    assert (response.status_code, report["status"]) == (200, "sound")
    assert {name: told["write_and_read"] for name, told in report["stores"].items()} == {
        "postgresql": "done",
        "mongodb": "done",
        "redis": "done",
        "qdrant": "done",
    }
    assert report["migrations"]["pending"] == []
    assert report["migrations"]["heads"]["operations"]
    assert all(told["is_fresh"] for told in report["queues"].values())
    assert set(report["queues"]) == {"realtime", "default", "ai", "bulk"}
    # What it wrote is really there, and only once however often it is asked.
    token = StoreProbe.objects.get().token
    client.get("/health/deep", headers=as_scraper)
    assert StoreProbe.objects.get().token != token
    assert stores.mongo_db()["operations_probes"].count_documents({}) == 1
    assert list(stores.redis().scan_iter("operations:probe:*")) == []


@pytest.mark.django_db
def test_a_queue_that_nobody_consumes_is_found(
    client: Client, as_scraper: dict[str, str], fresh_canaries: None
) -> None:
    stores.redis().hset(canary.KEY, "ai", str(time.time() - canary.STALE_SECONDS - 5))
    response = client.get("/health/deep", headers=as_scraper)
    queues = response.json()["queues"]
    assert (response.status_code, response.json()["status"]) == (503, "unsound")
    assert [name for name, told in queues.items() if not told["is_fresh"]] == ["ai"]
    assert queues["ai"]["canary_age_seconds"] > canary.STALE_SECONDS


@pytest.mark.django_db
def test_a_queue_that_was_never_consumed_is_found(
    client: Client, as_scraper: dict[str, str], stores_clean: None
) -> None:
    response = client.get("/health/deep", headers=as_scraper)
    assert response.status_code == 503
    assert response.json()["queues"]["bulk"] == {"canary_age_seconds": None, "is_fresh": False}


@pytest.fixture
def without_a_migration(transactional_db: None) -> Iterator[None]:
    """What was migrated is written and kept by the owner of the tables alone."""
    with as_owner() as connection:
        MigrationRecorder(connection).record_unapplied("operations", "0001_initial")
    yield
    with as_owner() as connection:
        MigrationRecorder(connection).record_applied("operations", "0001_initial")


def test_a_migration_that_is_missing_is_named(
    without_a_migration: None, client: Client, as_scraper: dict[str, str], fresh_canaries: None
) -> None:
    response = client.get("/health/deep", headers=as_scraper)
    assert response.status_code == 503
    assert response.json()["migrations"]["pending"] == ["operations.0001_initial"]


@pytest.mark.django_db
def test_one_store_away_does_not_hide_the_others(
    client: Client, as_scraper: dict[str, str], redis_is_away: None
) -> None:
    response = client.get("/health/deep", headers=as_scraper)
    report = response.json()
    assert response.status_code == 503
    assert report["stores"]["redis"]["write_and_read"] == "failed"
    assert report["stores"]["redis"]["error"] == "ConnectionError"
    assert report["stores"]["mongodb"]["write_and_read"] == "done"
    assert report["queues"] == {"error": "ConnectionError"}


@pytest.mark.django_db
def test_apps_above_tell_figures_of_their_own(
    client: Client,
    as_scraper: dict[str, str],
    fresh_canaries: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gauges, "_figures", {})
    gauges.register(name="parcels", meaning="Parcels to send.", measure=lambda: {"": 3})
    gauges.register(
        name="letters", meaning="Letters.", label="colour", measure=lambda: {"red": 1, "blue": 2}
    )
    told = client.get("/health/deep", headers=as_scraper).json()["figures"]
    assert told == {"parcels": 3, "letters": {"red": 1, "blue": 2}}
    page = client.get("/metrics").content.decode()
    assert "# HELP nf_parcels Parcels to send.\n" in page
    assert "nf_parcels 3.0\n" in page
    assert 'nf_letters{colour="blue"} 2.0\n' in page

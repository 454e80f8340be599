"""`/metrics`: figures that are true, for scrapers only."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from chat.models import Conversation
from crm.core import stores
from crm.core.observability import metrics, shared_metrics
from crm.operations import canary

CHECKOUT = Path(__file__).resolve().parent.parent.parent
FAR = "203.0.113.9"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(client: Client) -> Samples:
    response = client.get("/metrics")
    assert response.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_this_machine_may_scrape(client: Client) -> None:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")


def test_others_need_the_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "scraper-token-of-a-test"
    assert client.get("/metrics", REMOTE_ADDR=FAR).json()["code"] == "not_authenticated"
    wrong = client.get("/metrics", headers={"Authorization": "Bearer wrong"}, REMOTE_ADDR=FAR)
    assert wrong.status_code == 401
    right = {"Authorization": "Bearer scraper-token-of-a-test"}
    assert client.get("/metrics", headers=right, REMOTE_ADDR=FAR).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
def test_a_proxy_on_this_machine_makes_nobody_local(client: Client, header: str) -> None:
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 401


@pytest.mark.parametrize("address", ["", "not-an-address", "10.0.0.5", "::"])
def test_an_address_that_is_not_loopback_is_refused(client: Client, address: str) -> None:
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 401


def test_ipv6_loopback_is_this_machine(client: Client) -> None:
    assert client.get("/metrics", REMOTE_ADDR="::1").status_code == 200


@pytest.mark.django_db
def test_requests_are_counted_by_view_method_and_status(client: Client) -> None:
    key = (
        "nf_http_request_seconds_count",
        (("method", "GET"), ("status", "200"), ("view", "authentication:log_in")),
    )
    before = scrape(client).get(key, 0)
    assert client.get("/login/").status_code == 200
    after = scrape(client)
    assert after[key] == before + 1
    bounds = {
        dict(labels)["le"] for name, labels in after if name == "nf_http_request_seconds_bucket"
    }
    assert {float(bound) for bound in bounds - {"+Inf"}} == {
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    }  # fmt: skip


def test_unknown_paths_and_methods_do_not_make_new_series(client: Client) -> None:
    client.get("/nobody/knows/this/1")
    client.get("/nobody/knows/this/2")
    client.generic("BREW", "/nobody/knows/this/3")
    series = [labels for name, labels in scrape(client) if name.startswith("nf_http")]
    views = {dict(labels)["view"] for labels in series}
    assert "unmatched" in views
    assert not [view for view in views if "nobody" in view]
    methods = {dict(labels)["method"] for labels in series}
    assert "other" in methods
    assert "BREW" not in methods


def test_what_workers_measured_is_shown(client: Client, stores_clean: None) -> None:
    for seconds in (0.003, 0.03, 0.03, 700.0):
        shared_metrics.observe_task(task="chat.answer", state="SUCCESS", seconds=seconds)
    shared_metrics.observe_task(task="chat.answer", state="FAILURE", seconds=1.0)
    shown = scrape(client)

    def bucket(le: str) -> float:
        labels = (("le", le), ("state", "SUCCESS"), ("task", "chat.answer"))
        return shown["nf_task_seconds_bucket", labels]

    success = (("state", "SUCCESS"), ("task", "chat.answer"))
    assert [bucket("0.005"), bucket("0.025"), bucket("0.05"), bucket("600.0"), bucket("+Inf")] == [
        1, 1, 3, 3, 4,
    ]  # fmt: skip
    assert shown["nf_task_seconds_count", success] == 4
    assert shown["nf_task_seconds_sum", success] == pytest.approx(700.063)
    assert shown["nf_task_seconds_count", (("state", "FAILURE"), ("task", "chat.answer"))] == 1


def test_differences_of_the_last_reconcile_are_shown(client: Client, stores_clean: None) -> None:
    shared_metrics.set_reconcile_differences({"head_behind": 2, "late_effects": 0})
    shared_metrics.set_reconcile_differences({"head_behind": 0})
    shown = scrape(client)
    assert shown["nf_reconcile_diff_total", (("kind", "head_behind"),)] == 0
    assert shown["nf_reconcile_diff_total", (("kind", "late_effects"),)] == 0


@pytest.mark.django_db
def test_side_effects_that_wait_are_shown(client: Client, conversation: Conversation) -> None:
    """The fixture's visitor has asked, and no bot runs here."""
    shown = scrape(client)
    assert shown["nf_pending_effects", ()] == 1
    assert shown["nf_pending_effect_age_seconds", ()] >= 0


def test_the_age_of_each_queues_canary_is_shown(client: Client, stores_clean: None) -> None:
    canary.note_seen(stores.redis(), queue="ai")
    shown = scrape(client)
    assert 0 <= shown["nf_canary_age_seconds", (("queue", "ai"),)] < canary.STALE_SECONDS
    assert shown["nf_canary_age_seconds", (("queue", "bulk"),)] == float("inf")


def test_without_redis_the_rest_is_still_shown(client: Client, redis_is_away: None) -> None:
    client.get("/health")
    names = {name for name, _ in scrape(client)}
    assert "nf_http_request_seconds_count" in names
    assert "nf_task_seconds_count" not in names
    shared_metrics.observe_task(task="chat.answer", state="SUCCESS", seconds=1.0)
    shared_metrics.set_reconcile_differences({"head_behind": 1})


def test_no_metric_is_declared_that_nobody_feeds() -> None:
    declared = {
        name
        for name, value in vars(metrics).items()
        if isinstance(value, Counter | Gauge | Histogram)
    }
    assert declared
    sources = "".join(
        path.read_text()
        for folder in ("config", "crm", "chat", "knowledge")
        for path in (CHECKOUT / folder).rglob("*.py")
        if path != CHECKOUT / "crm/core/observability/metrics.py"
    )
    unfed = {name for name in declared if not re.search(rf"\b{name}\s*\.labels\(", sources)}
    assert unfed == set()


def test_the_page_of_operations_names_every_metric(client: Client, stores_clean: None) -> None:
    page = (CHECKOUT / "docs" / "operations.md").read_text()
    shared_metrics.observe_task(task="chat.answer", state="SUCCESS", seconds=1.0)
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    shown = {family.name for family in families if family.name.startswith("nf_")}
    told = {name.removesuffix("_total") for name in re.findall(r"^\| `(nf_\w+)`", page, re.M)}
    assert {name.removesuffix("_total") for name in shown} == told

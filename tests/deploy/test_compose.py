"""docker-compose.yml, as far as it can be proved without a container engine."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.deploy.composed import (
    CHECKOUT,
    VariableMissing,
    compose,
    compose_text,
    example,
    filled_example,
)

SCHEMA = Path(__file__).parent / "compose-spec" / "schema.json"
STORES = {"postgres", "mongodb", "redis", "qdrant"}
QUEUES = {"realtime", "default", "ai", "bulk"}


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    return compose(filled_example())


@pytest.fixture(scope="module")
def services(composed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = composed["services"]
    return found


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|m)", duration).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def test_the_file_follows_the_compose_specification(composed: dict[str, Any]) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(composed)] == []


def test_the_schema_would_notice_a_mistake(composed: dict[str, Any]) -> None:
    composed = json.loads(json.dumps(composed))
    composed["services"]["redis"]["helthcheck"] = {}
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert ["helthcheck" in error.message for error in validator.iter_errors(composed)] == [True]


def test_nothing_missing_from_the_set_of_services(services: dict[str, Any]) -> None:
    workers = {f"worker-{queue}" for queue in QUEUES}
    assert set(services) == STORES | workers | {"web-1", "web-2", "beat", "proxy", "migrate"}


def test_a_secret_without_a_value_is_refused_by_name() -> None:
    needed = {name for name, value in filled_example().items() if example()[name] != value}
    for name in needed:
        with pytest.raises(VariableMissing, match=name):
            compose(filled_example() | {name: ""})


def test_no_secret_has_a_value_that_everybody_knows(services: dict[str, Any]) -> None:
    # Who issues tokens and how long they live is no secret.
    secret = re.compile(r"PASSWORD|SECRET|API_KEY|KEYFILE|TOKEN(?!_ISSUER|_DAYS)|AUTH")
    defaults = set(re.findall(r"\$\{(\w+):-[^}]+\}", compose_text()))
    # The demo's password stands on its log-in page, and the demo is off unless asked for.
    assert {name for name in defaults if secret.search(name)} == {"DEMO_PASSWORD"}
    assert {name for name, value in example().items() if secret.search(name) and value} == {
        "DEMO_PASSWORD"
    }


def test_every_service_is_watched_restarted_and_logs_within_bounds(
    services: dict[str, Any],
) -> None:
    for name, service in services.items():
        check = service["healthcheck"]
        assert check["test"][0] in {"CMD", "CMD-SHELL"}, name
        assert seconds(check["timeout"]) <= seconds(check["interval"]), name
        assert {"interval", "timeout", "retries", "start_period"} <= set(check), name
        assert service["restart"] in {"unless-stopped", "on-failure:5"}, name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
        assert seconds(service["stop_grace_period"]) >= 15, name
        assert "memory" in service["deploy"]["resources"]["limits"], name
        assert service["environment"]["TZ"] == "UTC", name


def test_the_named_anchors_are_there() -> None:
    for anchor in (
        "x-common-variables: &common-variables",
        "x-logging: &default-logging",
        "x-restart-policy: &restart-policy",
    ):
        assert anchor in compose_text()


def test_every_image_is_pinned_to_a_whole_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        tag = service["image"].rpartition(":")[2]
        expected = r"v?\d+\.\d+(\.\d+)?(-\w+)?" if name == "postgres" else r"v?\d+\.\d+\.\d+(-\w+)?"
        assert re.fullmatch(expected, tag), f"{name}: {service['image']}"


def test_our_images_carry_our_version(services: dict[str, Any]) -> None:
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    built = {service["image"] for service in services.values() if "build" in service}
    assert built == {f"nextflow-crm:{version}", f"nextflow-crm-proxy:{version}"}


def test_nobody_gains_rights_and_stores_run_as_themselves(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "privileged" not in service, name
    assert {services[name].get("user") for name in ("postgres", "mongodb", "redis")} == {
        "postgres",
        "mongodb",
        "valkey",
    }
    assert services["qdrant"]["image"].endswith("-unprivileged")
    for name in ("web-1", "web-2", "beat", "migrate", "proxy"):
        assert services[name]["read_only"] is True


def test_only_the_proxy_is_open_and_it_cannot_reach_a_store(
    composed: dict[str, Any], services: dict[str, Any]
) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert composed["networks"]["stores"] == {"internal": True}
    assert services["proxy"]["networks"] == ["front"]
    for store in STORES:
        assert services[store]["networks"] == ["stores"], store
    for web in ("web-1", "web-2"):
        assert set(services[web]["networks"]) == {"front", "stores"}


def test_data_lies_on_named_volumes_that_are_declared(
    composed: dict[str, Any], services: dict[str, Any]
) -> None:
    places = {
        "postgres": "postgres_data:/var/lib/postgresql",
        "mongodb": "mongodb_data:/data/db",
        "redis": "redis_data:/data",
        "qdrant": "qdrant_storage:/qdrant/storage",
    }
    for name, volume in places.items():
        assert volume in services[name]["volumes"]
    mounted = {
        volume.partition(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
    }
    assert {source for source in mounted if not source.startswith("./")} == set(composed["volumes"])
    for source in mounted:
        if source.startswith("./"):
            assert (CHECKOUT / source).is_file(), source


def test_each_queue_has_workers_of_its_own(services: dict[str, Any]) -> None:
    for queue in QUEUES:
        service = services[f"worker-{queue}"]
        command = service["command"]
        assert command[command.index("--queues") + 1] == queue
        assert service["healthcheck"]["test"][-2:] == ["--queue", queue]
        assert service["environment"]["REMAP_SIGTERM"] == "SIGQUIT"


def test_everybody_waits_for_the_stores_and_for_the_migrations(services: dict[str, Any]) -> None:
    for name in ("web-1", "web-2", "beat", *(f"worker-{queue}" for queue in QUEUES)):
        conditions = {
            key: value["condition"] for key, value in services[name]["depends_on"].items()
        }
        assert conditions == {
            "migrate": "service_completed_successfully",
            **dict.fromkeys(STORES, "service_healthy"),
        }
    assert services["migrate"]["command"] == ["python", "manage.py", "prepare"]


def test_sockets_have_time_to_say_goodbye(services: dict[str, Any]) -> None:
    drain = int(services["web-1"]["environment"]["CHAT_DRAIN_SECONDS"])
    assert seconds(services["web-1"]["stop_grace_period"]) > 2 * drain


def test_the_table_of_ports_is_true_and_without_conflicts(services: dict[str, Any]) -> None:
    page = (CHECKOUT / "docs" / "deployment.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) \| ([^|]+) \|", page, flags=re.MULTILINE)
    told = {(name, int(inside)): outside.strip() for name, inside, outside in rows}
    expected: dict[tuple[str, int], str] = {}
    for name, service in services.items():
        for port in service.get("expose", []):
            expected[name, int(port)] = "–"
        for published in service.get("ports", []):
            outside, inside = published.split(":")
            variable = {"8080": "PROXY_HTTP_PORT", "8443": "PROXY_HTTPS_PORT"}[inside]
            expected[name, int(inside)] = f"{outside} (`{variable}`)"
    assert told == expected
    outside_ports = [value.split()[0] for value in told.values() if value != "–"]
    assert len(outside_ports) == len(set(outside_ports))

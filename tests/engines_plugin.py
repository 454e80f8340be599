"""A throw-away set of engines for one test run, started before anything reads the settings.

Loaded with `-p tests.engines_plugin`. The workers of a parallel run inherit the URLs. With
TEST_USE_GIVEN_STORES=1 the stores of the environment are used instead.
"""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from config import engines
from config.engines.supervision import mark_owner, owner_is_gone
from config.engines.urls import API_KEY_VARIABLE, OWNER_VARIABLE, URL_VARIABLES
from tests import throw_away

_ASKS_ONLY = frozenset(
    ("--co", "--collect-only", "--fixtures", "--help", "--markers", "--version", "-h", "-V")
)
_started_here: list[Path] = []

# A run starts hundreds of processes. Where Python is told to keep no bytecode, each of them would
# compile all modules of ours anew, and each worker rewrite all tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> Generator[None, object, object]:
    """Start the engines; as a wrapper, because pytest-django reads the settings in this hook."""
    inherited = "PYTEST_XDIST_WORKER" in os.environ
    given = os.environ.get("TEST_USE_GIVEN_STORES") == "1"
    if not inherited and not given and not _ASKS_ONLY & set(args):
        _start()
    return (yield)


def _start() -> None:
    _sweep()
    # pytest_unconfigure is not reached when a conftest cannot be imported.
    atexit.register(_clean_up)
    folder = Path(tempfile.mkdtemp(prefix=throw_away.PREFIX, dir=throw_away.place()))
    mark_owner(folder)
    for variable in (*URL_VARIABLES.values(), OWNER_VARIABLE, *_part_variables()):
        os.environ.pop(variable, None)
    os.environ["NEXTFLOW_VAR"] = str(folder)
    _started_here.append(folder)
    try:
        urls = engines.start()
    except engines.EngineFailed as failure:
        _clean_up()
        raise pytest.UsageError(str(failure)) from failure
    owner_url, api_key = engines.owner_url(), engines.qdrant_api_key()
    for store, variable in URL_VARIABLES.items():
        os.environ[variable] = getattr(urls, store)
    # After the loop this would be the URL of the application, which owns nothing.
    os.environ[OWNER_VARIABLE] = owner_url
    os.environ[API_KEY_VARIABLE] = api_key


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop them; pytest comes here after Ctrl-C too."""
    _clean_up()


def _part_variables() -> list[str]:
    """Name the variables that describe a store in parts: a test run must not reach that store."""
    prefixes = ("DB_POSTGRES_", "DB_MONGODB_", "REDIS_", "QDRANT_")
    return [name for name in os.environ if name.startswith(prefixes)]


def _clean_up() -> None:
    while _started_here:
        _remove(_started_here.pop())


def _sweep() -> None:
    """Stop what a killed test run left running."""
    for folder in throw_away.folders():
        if folder.is_dir() and os.access(folder, os.W_OK) and owner_is_gone(folder):
            _remove(folder)


def _remove(folder: Path) -> None:
    before = os.environ.get("NEXTFLOW_VAR")
    given = {name: os.environ.pop(name, "") for name in URL_VARIABLES.values()}
    os.environ["NEXTFLOW_VAR"] = str(folder)
    try:
        engines.stop()
    except engines.EngineFailed as failure:
        sys.stderr.write(f"{failure}\n")
    finally:
        os.environ.update({name: url for name, url in given.items() if url})
        if before is None:
            del os.environ["NEXTFLOW_VAR"]
        else:
            os.environ["NEXTFLOW_VAR"] = before
    shutil.rmtree(folder, ignore_errors=True)

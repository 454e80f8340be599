"""Engines of their own for tests that stop, kill or starve them."""

import contextlib
import os
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from config import engines
from config.engines.processes import identity
from config.engines.supervision import mark_owner
from tests import throw_away


@contextlib.contextmanager
def own_folder(patch: pytest.MonkeyPatch | None = None) -> Iterator[Path]:
    """Be a checkout of one's own: no store is given, nothing runs, all data in a new folder.

    A test that changes the environment too gives its own ``patch``: two of them are not undone in
    the order in which they were made, and the rest of the run would lose its stores.
    """
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(
            tempfile.TemporaryDirectory(prefix=throw_away.PREFIX, dir=throw_away.place())
        )
        if patch is None:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
        folder = Path(name)
        mark_owner(folder)
        for variable in list(os.environ):
            if variable in _STORE_URLS or variable.startswith(_PARTS):
                patch.delenv(variable)
        patch.setenv("NEXTFLOW_VAR", name)
        try:
            yield folder
        finally:
            patch.setenv("NEXTFLOW_VAR", name)
            engines.stop()


@contextlib.contextmanager
def own_engines(names: Collection[str]) -> Iterator[engines.StoreUrls]:
    with own_folder():
        yield engines.start(names)


def is_alive(pid: int) -> bool:
    return identity(pid) is not None


_STORE_URLS = {"DATABASE_URL", "DATABASE_OWNER_URL", "MONGODB_URL", "QDRANT_URL", "REDIS_URL"}
_PARTS = ("DB_MONGODB_", "DB_POSTGRES_", "QDRANT_", "REDIS_")

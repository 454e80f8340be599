"""Where the engines of a test run keep their data: in memory where there is room for it.

Nothing of it outlives the run, and a disk makes every commit of every test wait.
"""

import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "nextflow-test-"
_MEMORY = Path("/dev/shm")  # noqa: S108  each folder in it is made by mkdtemp, for its owner alone
_ROOM = 3 * 1024**3


def folders() -> list[Path]:
    """Return every folder that a run of any age may have left."""
    places = {Path(tempfile.gettempdir()), _MEMORY}
    return [folder for place in places if place.is_dir() for folder in place.glob(f"{PREFIX}*")]


def place() -> str:
    """Return the folder for the folders of a run; TMPDIR, where it is set, is obeyed."""
    may = "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK | os.X_OK)
    if may and shutil.disk_usage(_MEMORY).free > _ROOM:
        return str(_MEMORY)
    return tempfile.gettempdir()

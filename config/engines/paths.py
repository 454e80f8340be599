"""Folders of the engines of this checkout."""

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def var_dir() -> Path:
    """Return the data folder of this checkout: NEXTFLOW_VAR, else `var/` in it."""
    given = os.environ.get("NEXTFLOW_VAR")
    return Path(given).expanduser().absolute() if given else CHECKOUT / "var"

"""Modules of static/ in Node, for tests that hold them to what Python says."""

import json
import subprocess
from typing import Any

from tests.js import tools

_PAGE = tools.HERE / "unit" / "page.js"
_STATIC = tools.ROOT / "static"


def run(module: str, script: str, value: Any) -> Any:
    """Give what ``script`` returns, which knows the module's exports as ``m`` and ``value``."""
    program = (
        f"import {json.dumps(_PAGE.as_uri())};\n"
        f"const m = await import({json.dumps((_STATIC / module).as_uri())});\n"
        f"const made = (() => {{ const value = {json.dumps(value)}; {script} }})();\n"
        "process.stdout.write(JSON.stringify(made));\n"
    )
    told = subprocess.run(
        [tools.NODE, "--input-type=module"],
        input=program,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)

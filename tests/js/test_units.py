"""The unit tests of scripts, unit/*.test.js: Node runs them, and each is a test here."""

import json
import os
import re
import subprocess
from typing import NamedTuple

import pytest

from tests.js import tools

FOLDER = tools.HERE / "unit"
_NAMED = re.compile(r'^test\("(.+?)",', re.MULTILINE)


class Result(NamedTuple):
    has_passed: bool
    error: str


FILES = sorted(FOLDER.glob("*.test.js"))
NAMES = [
    (path.name, name) for path in FILES for name in _NAMED.findall(path.read_text(encoding="utf-8"))
]


@pytest.fixture(scope="module")
def results() -> dict[tuple[str, str], Result]:
    """Run all of them once and give what became of each, by file and name."""
    told = subprocess.run(
        [
            tools.NODE,
            "--test",
            "--test-concurrency=1",
            f"--test-reporter={tools.HERE / 'reporter.js'}",
            *FILES,
        ],
        env=os.environ | {"TZ": "America/New_York", "NODE_OPTIONS": "", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout, told.stderr
    found, said = {}, ""
    for line in told.stdout.splitlines():
        test = json.loads(line)
        if "said" in test:
            said += test["said"]
            continue
        key = (os.path.basename(test["file"]), test["name"])  # noqa: PTH119  a name, not a path of ours
        found[key] = Result(test["hasPassed"], test["error"])
    return {key: found.get(key, Result(has_passed=False, error=said)) for key in {*found, *NAMES}}


@pytest.mark.parametrize(("file", "name"), NAMES, ids=[f"{file}: {name}" for file, name in NAMES])
def test_script(results: dict[tuple[str, str], Result], file: str, name: str) -> None:
    result = results[file, name]
    assert result.has_passed, result.error


def test_no_test_of_a_script_goes_unseen(results: dict[tuple[str, str], Result]) -> None:
    """Names are read from the files, and are all that Node ran."""
    assert len(set(NAMES)) == len(NAMES), "two tests of one file have one name"
    assert set(results) == set(NAMES)

"""What `make lint` refuses in a script, and what its tools may be."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.js import tools

WRONG = {
    "no-unused-vars": 'import { newId } from "./ids.js";\n',
    "no-undef": "export const wait = () => Timer.wait();\n",
    "no-implicit-globals": "begun = true;\n",
    "eqeqeq": "export const isOne = (value) => value == 1;\n",
    "no-restricted-properties": "export const show = (line, text) => { line.innerHTML = text; };\n",
    "no-floating-promises": "const send = async () => {};\nexport const go = () => { send(); };\n",
    "no-eval": "export const run = (text) => eval(text);\n",
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Give the rules that each wrong script breaks."""
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "ids.js").write_text("export const newId = () => 1;\n")
    for rule, script in WRONG.items():
        (folder / f"{rule}.js").write_text(script)
    told = subprocess.run(
        tools.lint_command("--format=json"),
        cwd=folder,
        env=tools.environment(),
        capture_output=True,
        check=False,
    )
    found: dict[str, set[str]] = {}
    for finding in json.loads(told.stdout)["diagnostics"]:
        rule = re.sub(r".*\((.*)\)", r"\1", finding["code"])
        found.setdefault(Path(finding["filename"]).stem, set()).add(rule)
    return found


@pytest.mark.parametrize("rule", WRONG)
def test_a_wrong_script_is_refused(findings: dict[str, set[str]], rule: str) -> None:
    assert rule in findings[rule]


def test_tools_have_exact_versions_checksums_and_open_licences() -> None:
    wanted = json.loads((tools.HERE / "package.json").read_text())["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    locked = json.loads((tools.HERE / "package-lock.json").read_text())["packages"]
    assert locked.pop("")["devDependencies"] == wanted
    assert all(package["integrity"].startswith("sha512-") for package in locked.values())
    assert {package["license"] for package in locked.values()} <= {"MIT", "Apache-2.0"}


def test_nothing_but_the_one_place_asks_a_server() -> None:
    """Elsewhere an answer would be believed for its status again."""
    static = tools.ROOT / "static"
    asking = {
        path.relative_to(static).as_posix()
        for path in static.rglob("*.js")
        if "vendor" not in path.parts
        and re.search(r"\bfetch\b(?! *=)|XMLHttpRequest|sendBeacon", _code(path.read_text()))
    }
    assert asking == {"stream/response.js"}


def _code(source: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", source, flags=re.DOTALL)

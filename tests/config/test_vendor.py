"""Libraries for the browser: exactly what package.json names, unchanged, with their licences."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from crm.billing.metrics import METRIC_SPECS
from crm.core.records import records
from crm.organizations.settings_navigation import MENU

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "static" / "vendor", ROOT / "tests" / "vendor")
MANIFEST = ROOT / "static" / "vendor" / "MANIFEST"
OPEN_LICENCES = {"MIT", "0BSD", "MPL-2.0", "OFL-1.1"}


@pytest.fixture(scope="module")
def package_json() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = json.loads((ROOT / "package.json").read_text())
    return loaded


def entries() -> dict[str, tuple[str, str, str]]:
    """Give the checksum, package and licence of each file of the manifest."""
    lines = [line.split() for line in MANIFEST.read_text().splitlines()]
    return {path: (digest, package, licence) for digest, path, package, licence in lines}


def test_every_file_is_in_the_manifest_and_unchanged() -> None:
    kept = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in FOLDERS
        for path in folder.rglob("*")
        if path.is_file() and path != MANIFEST
    }
    assert kept == {path: digest for path, (digest, _package, _licence) in entries().items()}


def test_manifest_has_the_exact_versions_of_package_json(
    package_json: dict[str, dict[str, str]],
) -> None:
    wanted = package_json["dependencies"] | package_json["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    told = {package for _digest, package, _licence in entries().values()}
    assert told == {f"{name}@{version}" for name, version in wanted.items()}


def test_licences_allow_what_we_do() -> None:
    assert {licence for _digest, _package, licence in entries().values()} <= OPEN_LICENCES


def test_sprite_holds_the_icons_that_are_used_and_no_others(
    package_json: dict[str, dict[str, str]],
) -> None:
    sprite = (ROOT / package_json["vendor"]["icons"]["target"]).read_text()  # type: ignore[index]
    symbols = set(re.findall(r'<symbol id="([a-z0-9-]+)"', sprite))
    sources = [
        path.read_text(encoding="utf-8")
        for folder, ending in (
            ("templates", "*.html"),
            ("static/app", "*.js"),
            ("static/chat/inbox", "*.js"),
            ("static/knowledge", "*.js"),
        )
        for path in (ROOT / folder).rglob(ending)
    ]
    text = "\n".join(sources)
    named = set(re.findall(r'_icon\.html" with name="([a-z0-9-]+)"', text))
    named |= set(re.findall(r'\bicon\("([a-z0-9-]+)"', text))
    named |= set(re.findall(r'icon\(\w[^()]* \? "([a-z0-9-]+)" : "[a-z0-9-]+"\)', text))
    named |= set(re.findall(r'icon\(\w[^()]* \? "[a-z0-9-]+" : "([a-z0-9-]+)"\)', text))
    named |= set(re.findall(r'_sidebar_item\.html" with [^%]*icon="([a-z0-9-]+)"', text))
    named |= set(re.findall(r'\bfact\(facts, "([a-z0-9-]+)"', text))
    for record in records():
        named |= {record.icon, *(action.icon for action in record.bulk_actions)}
    named |= {page.icon for group in MENU for page in group.pages}
    named |= {spec.icon for spec in METRIC_SPECS.values()}
    assert symbols == named

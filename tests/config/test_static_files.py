"""Files as a real installation serves them: named by content, modules included."""

import re
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings


@pytest.fixture
def collected(settings: Settings, tmp_path: Path) -> Path:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "config.static_files.HashedStaticFilesStorage"}
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path


def test_modules_import_each_other_under_hashed_names(collected: Path) -> None:
    widget = collected / "chat" / "widget"
    imports = {}
    for module in widget.rglob("*.*.js"):
        found = re.findall(r'(?:from |import\()"(\.[^"]+)"', module.read_text())
        if found and re.search(r"\.[0-9a-f]{12}\.js$", module.name):
            imports[module] = found
    assert any(module.name.startswith("frame.") for module in imports)
    for module, names in imports.items():
        for name in names:
            assert re.search(r"\.[0-9a-f]{12}\.js$", name), (module.name, name)
            assert (module.parent / name).is_file(), (module.name, name)

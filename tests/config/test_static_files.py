"""Files as a real installation serves them: named by content, modules included."""

import re
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse
from pytest_django import Settings

from crm.core.http.static_files import HashedStaticFilesStorage
from crm.organizations.models import User
from tests.conftest import PASSWORD

CHECKOUT = Path(__file__).resolve().parent.parent.parent


HASHED_NAMES = {"staticfiles": {"BACKEND": "crm.core.http.static_files.HashedStaticFilesStorage"}}


@pytest.fixture(scope="module")
def _collected_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=folder, STORAGES=settings.STORAGES | HASHED_NAMES):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


@pytest.fixture
def collected(settings: Settings, _collected_once: Path) -> Path:
    """Files under hashed names, which are read and not changed: gathering them takes seconds."""
    settings.STATIC_ROOT = _collected_once
    settings.STORAGES = settings.STORAGES | HASHED_NAMES
    return _collected_once


def stored_name(name: str) -> str:
    """Give the name under which the storage that ``collected`` chose keeps a file."""
    assert isinstance(staticfiles_storage, HashedStaticFilesStorage)
    return staticfiles_storage.stored_name(name)


IMPORT = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*)["'](\.[^"']+)["']""")
PLAIN = re.compile(r"""["'`](?:\.{1,2}|/static)/[^"'`\n]*?([\w-]+\.js)["'`]""")
HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")


def ours(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.js") if "vendor" not in path.parts]


@pytest.mark.parametrize("folder", ["app", "chat/inbox", "chat/widget", "stream"])
def test_modules_import_each_other_under_hashed_names(collected: Path, folder: str) -> None:
    """Else a browser that has an old module cached would run it together with new ones."""
    sources = {path.relative_to(CHECKOUT / "static"): path for path in ours(CHECKOUT / "static")}
    seen = 0
    for relative, source in sources.items():
        if not relative.is_relative_to(folder):
            continue
        module = collected / stored_name(relative.as_posix())
        assert HASHED.search(module.name), relative
        wanted = IMPORT.findall(source.read_text())
        found = IMPORT.findall(module.read_text())
        assert len(found) == len(wanted)
        for plain, name in zip(wanted, found, strict=True):
            assert HASHED.search(name), (relative, name)
            assert HASHED.sub(".js", name) == plain, (relative, name)
            assert (module.parent / name).is_file(), (relative, name)
        seen += len(found)
    assert seen


def test_no_module_is_imported_in_a_way_that_is_not_rewritten(collected: Path) -> None:
    """Looked for with an eye of its own: any text that names a module by its plain name."""
    names = {path.name for path in ours(CHECKOUT / "static")}
    for module in ours(collected):
        if HASHED.search(module.name):
            code = re.sub(r"//[^\n]*|/\*.*?\*/", "", module.read_text(), flags=re.DOTALL)
            named = set(
                re.findall(r"""["'`](?:\.{1,2}|/static)/[^"'`\n]*?([\w-]+\.js)["'`]""", code)
            )
            assert not named & names, module.name


def test_a_change_of_a_module_renames_all_that_import_it(
    settings: Settings, tmp_path: Path
) -> None:
    """Also two steps away: whoever has the old page keeps the old modules, all of them."""
    source = tmp_path / "source"
    (source / "own").mkdir(parents=True)
    (source / "own" / "main.js").write_text('import { a } from "./middle.js";\na();\n')
    (source / "own" / "middle.js").write_text('export { b as a } from "./leaf.js";\n')
    names = []
    for word in ("old", "new"):
        (source / "own" / "leaf.js").write_text(f'export const b = () => "{word}";\n')
        settings.STATICFILES_DIRS = [source]
        settings.STATIC_ROOT = tmp_path / word
        storage = HashedStaticFilesStorage()
        list(storage.post_process(_copied(source, tmp_path / word)))
        names.append({name: storage.stored_name(f"own/{name}.js") for name in ("main", "middle")})
    assert names[0]["main"] != names[1]["main"]
    assert names[0]["middle"] != names[1]["middle"]


def _copied(source: Path, target: Path) -> dict[str, tuple[FileSystemStorage, str]]:
    shutil.copytree(source, target)
    return {
        path.relative_to(source).as_posix(): (
            FileSystemStorage(location=source),
            path.relative_to(source).as_posix(),
        )
        for path in source.rglob("*.js")
    }


STATIC = re.compile(r'(?:src|href)="/static/([^"?#]+)"')


@pytest.mark.django_db
def test_the_operators_admin_finds_its_files_under_hashed_names(
    collected: Path, client: Client, stores_clean: None
) -> None:
    root = User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")
    client.force_login(root)
    found: set[str] = set()
    for name in (
        "admin:index",
        "admin:organizations_user_changelist",
        "admin:organizations_user_add",
    ):
        found |= set(STATIC.findall(client.get(reverse(name)).content.decode()))
    assert {"unfold/css/styles", "console/console"} <= {path.split(".")[0] for path in found}
    assert [path for path in found if not (collected / path).is_file()] == []
    assert [path for path in found if not re.search(r"\.[0-9a-f]{12}\.\w+$", path)] == []

"""What the documents say is what is there."""

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest
from django.apps import apps
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
MAKE_TARGET = re.compile(r"`(?:[A-Z]+=\S+ )?make ([a-z]+)")
FENCED_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
IMPORT = re.compile(r"^from (\S+) import ([\w, ]+)$", re.MULTILINE)
MEMBER = re.compile(r"\b(\w+)\.(\w+)")
OURS = {"config", "crm", "chat", "knowledge"}
COMMAND = re.compile(r"manage\.py ([a-z_]+)")


def made_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def known_commands() -> set[str]:
    return set(get_commands())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path):
    broken = [
        target
        for target, _anchor in LINK.findall(page.read_text())
        if not target.startswith(("http://", "https://", "mailto:"))
        and not (page.parent / target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_exist(page: Path):
    text = page.read_text()
    assert set(MAKE_TARGET.findall(text)) - made_targets() == set()
    assert set(COMMAND.findall(text)) - known_commands() == set()


PROOF = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
ITEM = re.compile(r"\d+\.\d+\.\d+")


def names_of_tests(path: str) -> set[str]:
    """Name the tests that pytest would collect from a file."""
    tree = ast.parse((ROOT / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name
        for node in tree.body
        if isinstance(node, functions) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tests_that_a_page_names_exist(page: Path):
    missing = [
        f"{path}::{name}"
        for path, name in PROOF.findall(page.read_text())
        if not (ROOT / path).is_file() or (name and name not in names_of_tests(path))
    ]
    assert missing == []


def items_of(cell: str) -> set[str]:
    """Read `6.2.5, 6.2.8` and `9.2.1 to 9.2.4`."""
    found = set()
    for piece in cell.split(","):
        first, *last = ITEM.findall(piece)
        chapter, _dot, number = first.rpartition(".")
        until = int(last[0].rpartition(".")[2]) if last else int(number)
        found |= {f"{chapter}.{each}" for each in range(int(number), until + 1)}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_of_a_page_imports_what_is_there(page: Path):
    """Of each example: what it imports, and the members that it names of that."""
    for block in FENCED_PYTHON.findall(page.read_text()):
        imported: dict[str, object] = {}
        for module, names in IMPORT.findall(block):
            if module.split(".")[0] not in OURS:
                continue
            found = importlib.import_module(module)
            imported |= {name.strip(): getattr(found, name.strip()) for name in names.split(",")}
        for name, member in MEMBER.findall(block):
            if isinstance(imported.get(name), ModuleType):
                assert hasattr(imported[name], member), f"{name}.{member}"


def test_every_item_of_security_has_a_proof():
    text = (ROOT / "docs" / "security.md").read_text()
    listed = re.search(r"<!-- items: (.*?) -->", text, re.DOTALL)
    assert listed is not None
    wanted = listed[1].split()
    assert len(wanted) == len(set(wanted))
    proved: set[str] = set()
    for row in re.findall(r"^\| (\d+\.\d+\.\d+.*) \|$", text, re.MULTILINE):
        item, _what, proof = row.split(" | ")
        assert all(name for _path, name in PROOF.findall(proof)), item
        assert PROOF.search(proof), item
        proved |= items_of(item)
    assert proved == set(wanted)


def test_every_kind_of_bad_input_has_a_proof():
    text = (ROOT / "docs" / "security.md").read_text()
    section = text.partition("## Bad input")[2].partition("\n## ")[0]
    rows = [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", section, re.MULTILINE)]
    kinds = [row for row in rows if row[0] not in {"what comes", "---"}]
    assert len(kinds) >= 15
    assert [kind for kind, proof in kinds if not PROOF.search(proof)] == []


# What a model that grants access has a field of: a secret's hash, or when it is over.
MARKS = {"token_hash", "secret_hash", "sealed", "jti_hash", "expires_at", "revoked_at", "ended_at"}
GRANTS_NOTHING = {
    "FeatureOverride": "what a plan offers, to whoever is in",
    "SocialToken": "of providers; none is kept",
}


def test_whatever_grants_access_has_an_owner_an_expiry_an_end_and_a_proof():
    text = (ROOT / "docs" / "security.md").read_text()
    section = text.partition("## Who is let in")[2].partition("\n## ")[0]
    table = [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", section, re.MULTILINE)]
    rows = [row for row in table if row[0] != "what grants access"]
    assert len(rows) >= 15
    for row in rows:
        what, _kept_in, owner, expiry, end, proof = row
        assert all((owner, expiry, end)), what
        assert PROOF.search(proof), what
    kept_in = " ".join(row[1] for row in rows)
    grants = {
        model.__name__
        for model in apps.get_models()
        if MARKS & {field.name for field in model._meta.get_fields()}
    }
    missing = {name for name in grants - set(GRANTS_NOTHING) if f"`{name}`" not in kept_in}
    assert missing == set()
    functions = re.findall(
        r"^def (authenticate_\w+)",
        "".join(
            (ROOT / path).read_text()
            for path in ("crm/authentication/principals.py", "chat/services/visitors.py")
        ),
        re.MULTILINE,
    )
    assert len(functions) >= 6
    assert [name for name in functions if f"`{name}`" not in section] == []

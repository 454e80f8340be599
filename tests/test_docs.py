"""What the documents say is what is there."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
MAKE_TARGET = re.compile(r"`(?:[A-Z]+=\S+ )?make ([a-z]+)")
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

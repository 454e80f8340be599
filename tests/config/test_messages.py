"""Translations: every text of the sources in Vietnamese and Russian, compiled as committed."""

import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.utils import translation

ROOT = Path(__file__).resolve().parents[2]


def test_every_text_is_translated_and_compiled() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "deploy" / "messages.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert checked.stderr == ""
    assert checked.stdout == ""
    assert checked.returncode == 0


@pytest.mark.parametrize("language", ["vi", "ru"])
def test_own_words_are_shown_and_not_those_of_libraries(language: str) -> None:
    """Django and allauth translate "Add", "Name" or "Log out" too, and less fittingly."""
    replaced = []
    for path in sorted(ROOT.glob(f"**/locale/{language}/LC_MESSAGES/django.po")):
        if ".venv" in path.parts:
            continue
        with path.open("rb") as source, translation.override(language):
            for message in read_po(source):
                if not message.id or not isinstance(message.id, str):
                    continue
                shown = (
                    translation.pgettext(message.context, message.id)
                    if message.context
                    else translation.gettext(message.id)
                )
                if shown != message.string:
                    replaced.append((path.parent.parent.parent, message.id, message.string, shown))
    assert replaced == []

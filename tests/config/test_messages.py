"""Translations: every text of the sources in Vietnamese and Russian, compiled as committed."""

import subprocess
import sys
from pathlib import Path

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

"""Long installation shows progress: step n of m, with seconds, on a terminal and off it."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.progress import Progress
from tests.chaos.stack import CHECKOUT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_tell_each_step_and_how_long_it_took() -> None:
    out = io.StringIO()
    progress = Progress(2, out)
    with progress.step("Starting the stores"):
        progress.detail("not for logs")
    with pytest.raises(ValueError, match="broken"), progress.step("Loading the demo"):
        raise ValueError("broken")
    lines = [re.sub(r"\d+ s", "0 s", line) for line in out.getvalue().splitlines()]
    assert lines == [
        "[1/2] Starting the stores...",
        "[1/2] Starting the stores: 0 s",
        "[2/2] Loading the demo...",
        "[2/2] Loading the demo: failed after 0 s",
    ]


def test_a_terminal_has_one_line_for_each_step() -> None:
    out = Terminal()
    progress = Progress(1, out)
    with progress.step("Starting the stores"):
        progress.detail("postgresql")
    text = out.getvalue()
    assert text.count("\n") == 1
    assert re.fullmatch(r"\[1/1\] Starting the stores: \d+ s *", text.split("\r")[-1].rstrip("\n"))


def test_steps_of_another_process_are_shown_as_ones_own() -> None:
    out = io.StringIO()
    progress = Progress(9, out)
    for line in ("noise", "[2/4] Loading the demo...", "more", "[2/4] Loading the demo: 3 s"):
        progress.forward(line)
    assert out.getvalue().splitlines()[0] == "[2/4] Loading the demo..."
    assert len(out.getvalue().splitlines()) == 2


def test_installing_counts_the_packages_and_tells_what_went_wrong(tmp_path: Path) -> None:
    locked = tmp_path / "requirements.txt"
    locked.write_text("there-is-no-such-package==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    done = subprocess.run(
        [sys.executable, "deploy/install.py", str(locked)],
        cwd=CHECKOUT,
        env={"PIP_NO_INDEX": "1", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith("[1/2] Fetching 1 packages of ")
    assert "failed after" in done.stdout
    assert "there-is-no-such-package" in done.stderr

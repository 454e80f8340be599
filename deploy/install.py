"""Install locked requirements with pip, and show how many of them are there already.

``python deploy/install.py requirements.txt``; run by make, before anything else is installed.
"""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from config.progress import Progress

_LOCKED = re.compile(r"^[A-Za-z0-9][\w.\[\]-]*==", re.MULTILINE)
_COLLECTED = re.compile(r"(?:Collecting|Requirement already satisfied:) ([^\s=<>!~;\[]+)")


def main(requirements: str) -> int:
    total = len(_LOCKED.findall(Path(requirements).read_text(encoding="utf-8")))
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--progress-bar=off",
        "--require-hashes",
        "-r",
        requirements,
    ]
    progress = Progress(2)
    said: list[str] = []
    count = 0
    progress.begin(f"Fetching {total} packages of {requirements}")
    with subprocess.Popen(  # noqa: S603  our own command, no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        for line in pip.stdout or ():
            said.append(line)
            if found := _COLLECTED.match(line):
                count += 1
                progress.detail(f"{count} of {total}: {found[1]}")
            elif line.startswith("Installing collected packages"):
                progress.end()
                progress.begin("Installing them")
    progress.end(failed=pip.returncode != 0)
    if pip.returncode:
        sys.stderr.write("".join(said[-40:]))
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

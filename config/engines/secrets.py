"""Passwords of the embedded engines: generated per checkout, readable by their owner only."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from config.engines.errors import EngineFailed
from config.engines.paths import var_dir
from config.engines.state import write_atomically


@dataclass(frozen=True)
class PostgresPasswords:
    """One password per role."""

    postgres: str
    nextflow_owner: str
    nextflow_app: str


def _path(name: str) -> Path:
    return var_dir() / "secrets" / f"{name}.json"


def _read(name: str) -> dict[str, str] | None:
    """Return the stored secrets of an engine; None if there are none yet."""
    try:
        kept = json.loads(_path(name).read_text())
        if not isinstance(kept, dict) or not all(isinstance(each, str) for each in kept.values()):
            raise TypeError("not an object of texts")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as reason:
        raise EngineFailed(
            f"The passwords of the embedded {name} in {_path(name)} cannot be read.",
            advice="Restore that file from a backup, or let its owner run the command.",
        ) from reason
    return kept


def _write(name: str, passwords: dict[str, str]) -> None:
    _path(name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(_path(name), json.dumps(passwords, indent=2) + "\n")


def password_of(engine: str) -> str:
    """Return the password of an engine with one user; empty if there is none yet."""
    return (_read(engine) or {}).get("password", "")


def made_password_of(engine: str) -> str:
    """Return the password of an engine with one user, generated if needed."""
    found = password_of(engine)
    if not found:
        found = secrets.token_urlsafe(32)
        _write(engine, {"password": found})
    return found


def postgres_passwords() -> PostgresPasswords | None:
    """Return the passwords; None if there are none yet."""
    kept = _read("postgresql")
    if kept is None:
        return None
    try:
        return PostgresPasswords(**kept)
    except TypeError as reason:
        raise EngineFailed(
            f"The passwords of the embedded PostgreSQL in {_path('postgresql')} cannot be read.",
            advice="Restore that file from a backup, or let its owner run the command.",
        ) from reason


def made_postgres_passwords() -> PostgresPasswords:
    """Return the passwords, generated if needed."""
    found = postgres_passwords()
    if found is not None:
        return found
    made = PostgresPasswords(*(secrets.token_urlsafe(24) for _ in range(3)))
    _write("postgresql", asdict(made))
    return made

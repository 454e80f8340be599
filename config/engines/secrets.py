"""Passwords of the embedded PostgreSQL: made once for a checkout, readable by their owner only."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from config.engines.errors import EngineFailed
from config.engines.paths import var_dir
from config.engines.state import write_atomically


@dataclass(frozen=True)
class PostgresPasswords:
    """One password for each role."""

    postgres: str
    nextflow_owner: str
    nextflow_app: str


def _path() -> Path:
    return var_dir() / "secrets" / "postgresql.json"


def postgres_passwords() -> PostgresPasswords | None:
    """Read the passwords; None when there are none yet."""
    try:
        return PostgresPasswords(**json.loads(_path().read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as reason:
        raise EngineFailed(
            f"The passwords of the embedded PostgreSQL in {_path()} cannot be read.",
            advice="Restore that file from a backup, or let its owner run the command.",
        ) from reason


def made_postgres_passwords() -> PostgresPasswords:
    """Read the passwords, or make them."""
    found = postgres_passwords()
    if found is not None:
        return found
    made = PostgresPasswords(*(secrets.token_urlsafe(24) for _ in range(3)))
    _path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(_path(), json.dumps(asdict(made), indent=2) + "\n")
    return made

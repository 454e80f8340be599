"""The account that runs PostgreSQL when the operator is root, which PostgreSQL refuses."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.engines.errors import EngineFailed

_USUAL_NAMES = ("postgres", "nobody")
# In the order of how little they give away; a container often lacks the first.
_PASSAGE = ("dac_read_search", "dac_override")


@dataclass(frozen=True)
class Account:
    """Another user, with the means to start a process as that user."""

    name: str
    uid: int
    gid: int
    prefix: Sequence[str] = field(default=())

    @property
    def popen_options(self) -> dict[str, Any]:
        """Return the arguments for subprocess; none when a prefix command changes the user."""
        if self.prefix:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_for(data: Path, *, must_reach: Sequence[Path]) -> Account | None:
    """Return the account that runs the engine for the folder ``data``; None: the current one."""
    owner = data.stat().st_uid if data.exists() else None
    me = os.geteuid()
    if me != 0:
        if owner not in (None, me):
            raise EngineFailed(
                f"The folder {data} belongs to another user.",
                advice="Run the command as that user, or set NEXTFLOW_VAR to a folder of your own.",
            )
        return None
    entry = pwd.getpwuid(owner) if owner else _usual_entry()
    account = Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
    blocked = next(
        (wall for path in must_reach if (wall := _wall(path, account)) is not None), None
    )
    if blocked is None:
        return account
    prefix = _prefix_that_passes(account)
    if prefix is None:
        raise EngineFailed(
            f"PostgreSQL may not run as root, and the user {account.name} cannot enter {blocked}.",
            advice=f"Let others pass through it (chmod o+x {blocked}), set NEXTFLOW_VAR to a folder"
            " that others may enter, or run the command as an ordinary user.",
        )
    return Account(name=account.name, uid=account.uid, gid=account.gid, prefix=prefix)


def _usual_entry() -> pwd.struct_passwd:
    for name in _USUAL_NAMES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EngineFailed(
        "PostgreSQL may not run as root, and this machine has no user to run it as.",
        advice="Add a user named postgres (useradd --system postgres), or run as an ordinary user.",
    )


def _wall(path: Path, account: Account) -> Path | None:
    """Return the first folder above ``path`` that the account may not traverse."""
    for folder in reversed(path.resolve().parents):
        if not folder.exists():
            return None
        info = folder.stat()
        if info.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif info.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not info.st_mode & needed:
            return folder
    return None


def _prefix_that_passes(account: Account) -> tuple[str, ...] | None:
    """Return a command that changes the user but keeps the capability to traverse
    closed folders.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return None
    for right in _PASSAGE:
        prefix = (
            setpriv,
            f"--reuid={account.uid}",
            f"--regid={account.gid}",
            "--clear-groups",
            f"--inh-caps=-all,+{right}",
            f"--ambient-caps=-all,+{right}",
        )
        try:
            tried = subprocess.run(  # noqa: S603 - a fixed command, no shell
                [*prefix, "true"], capture_output=True, timeout=5, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if tried.returncode == 0:
            return prefix
    return None

"""Translation of a failed engine's log to one plain sentence."""

import contextlib
import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.engines.base import Engine
from config.engines.errors import EngineFailed

_TAIL = 4000  # bytes of log that are looked at
START_MARK = "=== starting ===\n"


@dataclass(frozen=True)
class Death:
    message: str
    advice: str
    port_was_taken: bool = False


def reason_of_death(engine: Engine) -> Death:
    """Return the reason why an engine exited while starting, from its log."""
    text = _tail(engine.log)
    found = text.lower()
    if "address already in use" in found or "address in use" in found:
        return Death(
            f"{engine.name} could not listen: another program took its port.",
            "Start again; a free port is chosen.",
            port_was_taken=True,
        )
    if "no space left on device" in found:
        return Death(
            f"{engine.name} could not write: the disk that holds {engine.data_dir} is full.",
            "Free some space, or set NEXTFLOW_VAR to a folder on another disk.",
        )
    if "read-only file system" in found or "permission denied" in found:
        return Death(
            f"{engine.name} may not write in {engine.data_dir}.",
            "Make the folder writable for the user who runs the command, or set NEXTFLOW_VAR.",
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if _sounds_bad(line)), (lines or ["nothing"])[-1])
    return Death(
        f"{engine.name} ended while starting. It said: {last[:300]}",
        f"The whole story is in {engine.log}.",
    )


@contextlib.contextmanager
def refused_folder(folder: Path) -> Iterator[None]:
    """Raise EngineFailed with a remedy when the data folder cannot be written."""
    try:
        yield
    except OSError as reason:
        if reason.errno == errno.ENOSPC:
            raise EngineFailed(
                f"The disk that holds {folder} is full.",
                advice="Free some space, or set NEXTFLOW_VAR to a folder on another disk.",
            ) from reason
        if reason.errno in (
            errno.EACCES,
            errno.EPERM,
            errno.EROFS,
            errno.ENOTDIR,
            errno.EEXIST,
            errno.ENOENT,
        ):
            raise EngineFailed(
                f"The folder {folder} cannot be written: {reason.strerror}.",
                advice="Make it writable for you, or set NEXTFLOW_VAR to a folder that is.",
            ) from reason
        raise


def _sounds_bad(line: str) -> bool:
    return re.search(r"\b(fatal|panic|error|failed|cannot|could not)\b", line, re.I) is not None


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    # Only what was said since the last start counts.
    return text.rpartition(START_MARK)[2]

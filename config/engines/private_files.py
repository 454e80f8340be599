"""Files readable by their owner only."""

import os
from pathlib import Path
from typing import IO


def open_log(path: Path, *, anew: bool = False) -> IO[bytes]:
    """Open a log for appending, or ``anew``; make it readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if anew else os.O_APPEND)
    handle = os.open(path, flags, 0o600)
    os.fchmod(handle, 0o600)
    return os.fdopen(handle, "wb" if anew else "ab")

"""Child processes that outlive the command that started them, identified beyond their pid."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from config.engines.accounts import Account
from config.engines.private_files import open_log

_KEPT_VARIABLES = ("HOME", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "SYSTEMROOT", "TMPDIR", "TZ")
# Children of this very process: only their parent can reap them.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


def identity(pid: int) -> str | None:
    """Return the start identity of the process with this id; None if none runs or it is a zombie.

    The id alone is not enough, because it is reused. On Linux the kernel's start tick is used,
    because a start time moves when the clock is set.
    """
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        _children.pop(pid, None)
    stat = Path(f"/proc/{pid}/stat")
    try:
        if Path("/proc/self/stat").exists():
            fields = stat.read_text().rpartition(")")[2].split()
            if fields[0] in "ZX":
                return None
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            return f"{boot}:{fields[19]}"
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.create_time():.2f}"
    except (OSError, psutil.Error):
        return None


def command_line(pid: int) -> list[str]:
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    cwd: Path,
    account: Account | None = None,
    keep_fds: Sequence[int] = (),
    extra_env: Mapping[str, str] | None = None,
) -> int:
    """Start a process in its own session: neither Ctrl-C nor a closed terminal ends it."""
    env = {key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ}
    env |= {"LC_ALL": "C", **(extra_env or {})}
    with open_log(log) as output:
        child = subprocess.Popen(  # noqa: S603 - the command is ours, no shell
            [*(account.prefix if account else ()), *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            start_new_session=True,
            pass_fds=tuple(keep_fds),
            **(account.popen_options if account else {}),
        )
    _children[child.pid] = child
    return child.pid


def end(pid: int, started: str, *, how: signal.Signals, patience: float) -> bool:
    """Signal a process and wait; kill it after ``patience`` seconds. Return False if it was killed.

    Nothing is signalled unless the process is still the one that was started.
    """
    for sign, seconds in ((how, patience), (signal.SIGKILL, 10.0)):
        if identity(pid) != started:
            return True
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if identity(pid) != started:
                return sign is how
            time.sleep(0.02)
    return False

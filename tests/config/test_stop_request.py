"""A signal stops a process at whatever moment it comes."""

import subprocess
import sys
from pathlib import Path

from tests.patience import PATIENCE

CHECKOUT = Path(__file__).resolve().parent.parent.parent

# Signals at many moments of short waits; a lock that the handler needs is held in some of them.
_SIGNALS = """
import random, signal
from config.engines.stop_request import StopRequest
for _ in range(2000):
    stop = StopRequest()
    stop.listen(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 4e-4))
    while not stop.wait(2e-5):
        pass
    stop.close()
print("stopped")
"""


def test_a_signal_in_the_middle_of_a_wait_is_heard() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SIGNALS],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("stopped\n", 0), done.stderr

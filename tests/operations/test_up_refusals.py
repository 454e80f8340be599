"""`manage.py up` says in a plain sentence why it does not start."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.stack import CHECKOUT, own_environment


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_a_number_that_is_no_port_is_refused(port: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "up", "--port", port],
        cwd=CHECKOUT,
        env=own_environment(tmp_path / "var", {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"CommandError: {port} is not a port.\nChoose one between 1 and 65535.\n"
    )
    assert not (tmp_path / "var" / "engines.json").exists()

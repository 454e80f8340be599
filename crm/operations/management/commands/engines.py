"""`manage.py engines start|stop|status`."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import engines

_COLUMNS = ("engine", "source", "version", "url", "pid", "data", "ready")


class Command(BaseCommand):
    help = "Start, stop or show the embedded engines of this checkout."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        start = actions.add_parser("start", help="Start the engines that are not given by URL.")
        start.add_argument(
            "--foreground", action="store_true", help="Stay, and stop them on Ctrl-C."
        )
        actions.add_parser("stop", help="Stop the running engines.")
        status = actions.add_parser("status", help="Show which server answers for each store.")
        status.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        try:
            if options["action"] == "start":
                self._start(foreground=options["foreground"])
            elif options["action"] == "stop":
                stopped = engines.stop()
                self.stdout.write(f"Stopped: {', '.join(stopped)}." if stopped else "None ran.")
            else:
                self._show(as_json=options["json"])
        except engines.EngineFailed as failure:
            raise CommandError(str(failure)) from failure

    def _start(self, *, foreground: bool) -> None:
        if foreground:
            engines.supervise(when_ready=self._tell_that_they_run)
            self.stdout.write("Stopped.")
            return
        engines.start()
        self._show(as_json=False)

    def _tell_that_they_run(self) -> None:
        self._show(as_json=False)
        self.stdout.write("The engines run until Ctrl-C.")
        self.stdout.flush()

    def _show(self, *, as_json: bool) -> None:
        rows = [asdict(entry) for entry in engines.status()]
        if as_json:
            self.stdout.write(json.dumps(rows, indent=2))
            return
        cells = [list(_COLUMNS)]
        for row in rows:
            row["ready"] = "yes" if row["ready"] else "no"
            cells.append([str(row[column]) if row[column] else "-" for column in _COLUMNS])
        widths = [max(len(line[index]) for line in cells) for index in range(len(_COLUMNS))]
        for line in cells:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(padded).rstrip())

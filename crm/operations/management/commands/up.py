"""`manage.py up`: start everything with the demo and serve it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import engines, supervisor


class Command(BaseCommand):
    help = "Start the stores, the web server, the worker and beat, with the demo, and keep them up."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--detach", action="store_true", help="return when all is ready")
        parser.add_argument("--logged", action="store_true", help="print no log-ins")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"]
        try:
            if options["detach"]:
                code = supervisor.up_detached(port=port, say=self._say)
            else:
                code = supervisor.up(port=port, say=self._say, is_logged=options["logged"])
        except supervisor.NotStarted as refusal:
            raise CommandError(f"{refusal}\n{refusal.advice}") from refusal
        except engines.EngineFailed as failure:
            raise CommandError(f"{failure}\n{failure.advice}") from failure
        if code:
            raise CommandError("It did not end well.", returncode=code)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

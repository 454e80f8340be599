"""`manage.py prepare`: migrate the stores and create what is missing; idempotent."""

import io
import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Migrate, make every index, and load the demo where it is enabled."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json",
            action="store_true",
            help="print one line of JSON when the schema is there, and one of what the demo made",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0, stdout=self.stderr)
        if options["json"]:
            # Whoever waits can go on with what needs the schema and not the demo.
            self.stdout.write(json.dumps({"migrated": True}))
            self.stdout.flush()
        summary: dict[str, Any] = {}
        if settings.DEMO_ENABLED:
            output = io.StringIO()
            call_command("load_demo", json=True, stdout=output, stderr=self.stderr)
            summary = json.loads(output.getvalue().strip().rpartition("\n")[2])
        if options["json"]:
            self.stdout.write(json.dumps(summary, ensure_ascii=False))
        else:
            self.stdout.write("The stores are ready.")

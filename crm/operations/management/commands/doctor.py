"""`manage.py doctor`: diagnose the stores and suggest remedies."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import engines
from crm.operations.doctor import Diagnosis, examine


class Command(BaseCommand):
    help = "Try each store: who answers, can it be written, and what to do if not."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        found = examine(
            engines.store_urls(),
            mongodb_name=settings.MONGODB_NAME,
            qdrant_api_key=engines.qdrant_api_key(),
        )
        if options["json"]:
            rows = [{**asdict(diagnosis), "ok": diagnosis.is_well} for diagnosis in found]
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            for diagnosis in found:
                self._print(diagnosis)
        ill = [diagnosis.store for diagnosis in found if not diagnosis.is_well]
        if ill:
            raise CommandError(f"Not usable: {', '.join(ill)}.")

    def _print(self, diagnosis: Diagnosis) -> None:
        about = " ".join(filter(None, (diagnosis.server, diagnosis.version)))
        self.stdout.write(f"{diagnosis.store}: {about}, {diagnosis.source}, {diagnosis.url}")
        facts = [
            "reachable" if diagnosis.reachable else "not reachable",
            "written and read back" if diagnosis.written else "not written",
            *diagnosis.has,
        ]
        self.stdout.write(f"  {', '.join(facts)}")
        if not diagnosis.is_well:
            self.stdout.write(self.style.ERROR(f"  {diagnosis.problem} {diagnosis.advice}"))

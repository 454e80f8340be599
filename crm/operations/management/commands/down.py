"""`manage.py down`: stop what `up` started in this checkout."""

from typing import Any

from django.core.management.base import BaseCommand

from config import supervisor


class Command(BaseCommand):
    help = "Stop what `manage.py up` started in this checkout, the embedded engines included."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        supervisor.down(say=self.stdout.write)

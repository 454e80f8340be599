"""`manage.py flush`: only the owner may empty whole tables."""

from typing import Any

from django.core.management.commands import flush
from django.db import connections


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        with connections[options["database"]].as_owner():
            super().handle(**options)

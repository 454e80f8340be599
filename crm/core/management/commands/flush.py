"""`manage.py flush`, as the tables' owner, who alone may truncate."""

from typing import Any

from django.core.management.commands import flush

from crm.core.database.owner import as_owner


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        with as_owner(options["database"]):
            super().handle(**options)

"""`manage.py migrate`, as the tables' owner; afterwards each table has its policy and triggers."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate

from crm.core.database.owner import as_owner
from crm.core.database.rls_installer import PolicyMissing, install_policies
from crm.core.database.text_triggers import install_text_triggers


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner(options["database"]) as connection:
            super().handle(*args, **options)
            if options["check_unapplied"] or options["plan"]:
                return
            install_text_triggers(connection)
            try:
                install_policies(connection)
            except PolicyMissing as refusal:
                raise CommandError(str(refusal)) from refusal

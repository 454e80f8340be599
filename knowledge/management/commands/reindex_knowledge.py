"""`manage.py reindex_knowledge`: rebuild the search index."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.core import tenancy
from crm.core.errors import StoreUnavailable
from knowledge.services.reindex import rebuild_index


class Command(BaseCommand):
    help = (
        "Build the knowledge index anew beside the one that answers, then switch to it at once. "
        "May be stopped and started again: it goes on where it was."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with tenancy.all_tenants("One index holds the FAQs of all organizations."):
                name = rebuild_index(progress=self._print_progress)
        except StoreUnavailable as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"The index {name} answers from now on.")

    def _print_progress(self, done: int, total: int) -> None:
        self.stdout.write(f"{done} of {total} FAQs indexed")
        self.stdout.flush()

"""`manage.py load_demo`: load the demo's coffee roastery and bookshop."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat.demo.loading import load
from crm.compliance.actor import Actor, acting
from crm.compliance.models import ActorKind
from crm.core import tenancy


class Command(BaseCommand):
    help = "Load the demo's organizations, people, FAQs and conversations; again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="print what was made as one line of JSON"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_ENABLED:
            raise CommandError(
                "The demo is switched off here, for its password is known to everybody.\n"
                "Set DEMO_ENABLED=true where that does no harm, and run it again."
            )
        # With --json, stdout holds nothing but the answer.
        progress = self.stderr if options["json"] else self.stdout
        progress.style_func = None
        with (
            tenancy.all_tenants("The demo makes two organizations."),
            acting(Actor(ActorKind.SYSTEM)),
        ):
            loaded = load(password=settings.DEMO_PASSWORD, say=progress.write)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(loaded), ensure_ascii=False))
            return
        self.stdout.write("\nLog in at /login/ as one of these:")
        for login in loaded.logins:
            self.stdout.write(
                f"  {login['role']:<10} {login['email']:<22} {login['password']}"
                f"  {login['name']}, {login['organization'] or 'the whole installation'}"
            )
        self.stdout.write("The shop is at /demo/.")

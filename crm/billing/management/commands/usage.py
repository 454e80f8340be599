"""`manage.py usage`: an organization's usage, and whether counters and ledger agree."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from crm.billing.services.api_calls import post_api_calls
from crm.billing.services.entitlements import terms_of
from crm.billing.services.reconciliation import Difference, compare, organizations
from crm.billing.services.usage_summary import usage_summaries_of
from crm.core import tenancy
from crm.core.observability.shared_metrics import set_reconcile_differences
from crm.organizations.models import Organization


class Command(BaseCommand):
    help = "Show what organizations use of their plans, and compare counters with the ledger."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        show = verbs.add_parser("show", help="what an organization uses in this period")
        show.add_argument("organization", help="id or short name")
        reconcile = verbs.add_parser(
            "reconcile", help="compare counters with the ledger; exits with 1 on differences"
        )
        reconcile.add_argument("--organization", help="id or short name; without it, all")
        reconcile.add_argument(
            "--repair", action="store_true", help="set the counters to the ledger's sums"
        )
        for verb in (show, reconcile):
            verb.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "show":
            self._show(_organization(options["organization"]), as_json=options["json"])
            return
        wanted = options["organization"]
        try:
            found = _compare(_organization(wanted) if wanted else None, repair=options["repair"])
        except RedisError as error:
            raise CommandError("Redis does not answer; nothing was compared.") from error
        self._print(found, as_json=options["json"])
        if found and not options["repair"]:
            raise SystemExit(1)

    def _show(self, organization_id: UUID, *, as_json: bool) -> None:
        with tenancy.organization(organization_id):
            terms = terms_of(organization_id)
            summaries = usage_summaries_of(terms)
        subscription = terms.subscription
        if as_json:
            uses = {each.metric.value: [each.used, each.limit] for each in summaries}
            self.stdout.write(json.dumps({"plan": subscription.plan_id, "usage": uses}))
            return
        self.stdout.write(
            f"{subscription.plan_id} ({subscription.status}),"
            f" {subscription.period_start:%Y-%m-%d} to {subscription.period_end:%Y-%m-%d}"
        )
        for each in summaries:
            limit = "no limit" if each.limit is None else f"of {each.limit}"
            self.stdout.write(f"  {each.metric.value:<18} {each.used} {limit}")

    def _print(self, found: list[Difference], *, as_json: bool) -> None:
        if as_json:
            rows = [
                [str(each.organization_id), each.metric.value, each.ledger, each.counter]
                for each in found
            ]
            self.stdout.write(json.dumps({"differences": rows}))
            return
        for each in found:
            self.stdout.write(
                f"{each.organization_id} {each.metric.value}:"
                f" ledger {each.ledger}, counter {each.counter}"
            )
        self.stdout.write(f"{len(found)} differences.")


def _organization(wanted: str) -> UUID:
    with tenancy.all_tenants("An operator names an organization."):
        try:
            found = Organization.objects.filter(pk=UUID(wanted))
        except ValueError:
            found = Organization.objects.filter(slug=wanted)
        organization = found.first()
    if organization is None:
        raise CommandError(f"There is no organization {wanted}.")
    return organization.pk


def _compare(wanted: UUID | None, *, repair: bool) -> list[Difference]:
    with tenancy.all_tenants("The counters of organizations are compared."):
        ids = [wanted] if wanted else list(organizations())
    found: list[Difference] = []
    for organization_id in ids:
        with tenancy.organization(organization_id):
            if repair:
                post_api_calls(organization_id=organization_id)
            found += compare(organization_id=organization_id, repair=repair)
    set_reconcile_differences({"usage_counter": len(found)})
    return found

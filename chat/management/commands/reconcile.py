"""`manage.py reconcile`: compare the stores, report every difference, repair derived data."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from chat.services import reconcile
from crm.core import tenancy
from crm.core.observability.shared_metrics import set_reconcile_differences
from crm.operations.models import CheckKind
from crm.operations.runs import FOUND_SHOWN, record_run


class Command(BaseCommand):
    help = (
        "Compare heads, logs, documents and side effects. The exit code is 1 while a difference "
        "stands. The counts are exported as the metric nf_reconcile_diff_total."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair", action="store_true", help="derive again what follows from the logs"
        )
        parser.add_argument(
            "--output", type=Path, help="also write each difference there, one JSON object a line"
        )
        parser.add_argument("--json", action="store_true", help="print the counts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        started_at = timezone.now()
        with tenancy.all_tenants("All heads are compared with their logs."):
            result = reconcile(repair=options["repair"])
        record_run(
            kind=CheckKind.RECONCILE,
            started_at=started_at,
            examined=result.conversations,
            differences=len(result.differences),
            repaired=result.repaired,
            counts=result.counts(),
            found=[
                {
                    "kind": each.kind,
                    "organization": each.organization_id,
                    "conversation": each.conversation_id,
                }
                for each in result.differences[:FOUND_SHOWN]
            ],
        )
        standing = len(result.differences) - result.repaired
        set_reconcile_differences(result.counts())
        if options["output"]:
            with options["output"].open("w") as file:
                for difference in result.differences:
                    file.write(json.dumps(difference.to_json(), ensure_ascii=False) + "\n")
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "conversations": result.conversations,
                        "differences": len(result.differences),
                        "repaired": result.repaired,
                        "kinds": result.counts(),
                    }
                )
            )
        else:
            for difference in result.differences:
                self.stdout.write(
                    f"{difference.kind}: conversation {difference.conversation_id}: "
                    f"expected {difference.expected}, found {difference.found}"
                )
            self.stdout.write(
                f"{result.conversations} conversations compared, "
                f"{len(result.differences)} differences, {result.repaired} repaired."
            )
        if standing:
            raise SystemExit(1)

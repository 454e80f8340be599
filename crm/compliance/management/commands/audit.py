"""`manage.py audit`: verify the audit, export the ends of its chains, place holds and erase."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.compliance.actor import Actor, acting
from crm.compliance.errors import HoldNotFound
from crm.compliance.models import ActorKind, LegalHold
from crm.compliance.services.legal_holds import erase_values, lift_hold, place_hold
from crm.compliance.services.signatures import anchors, seal_chains
from crm.compliance.services.verification import Finding, Verified, verify
from crm.compliance.signals import audit_verified
from crm.core import tenancy
from crm.core.errors import AppError
from crm.core.permissions import SystemPrincipal

_REPORTED_EVERY = 50_000


class Command(BaseCommand):
    help = "Prove the audit; anchor, hold and erase."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="do", required=True)
        one = actions.add_parser("verify", help="Compute every chain anew and tell what differs.")
        one.add_argument("--organization", type=UUID, help="Only this organization's chain.")
        one.add_argument("--anchors", type=Path, help="A file that `audit anchor` wrote earlier.")
        one.add_argument("--json", action="store_true", help="Print findings as JSON lines.")
        two = actions.add_parser("anchor", help="Seal the chains and print where they end.")
        two.add_argument("--organization", type=UUID, help="Only this organization's chain.")
        two.add_argument("--output", type=Path, help="Append to this file instead of printing.")
        hold = actions.add_parser("hold", help="Keep values and months until the hold is lifted.")
        hold.add_argument("organization", type=UUID)
        hold.add_argument("--subject", default="", help="customer:<id> or user:<id>; else all.")
        hold.add_argument("--reason", required=True)
        lift = actions.add_parser("lift", help="Lift a hold.")
        lift.add_argument("hold", type=UUID)
        lift.add_argument("--reason", required=True)
        erase = actions.add_parser("erase", help="Forget what the audit holds of somebody.")
        erase.add_argument("organization", type=UUID)
        erase.add_argument("subject", help="customer:<id> or user:<id>")

    def handle(self, *args: Any, do: str, **options: Any) -> None:
        del args
        with tenancy.all_tenants("The audit is kept."), acting(Actor(ActorKind.SYSTEM)):
            try:
                getattr(self, f"_{do}")(**options)
            except AppError as refusal:
                raise CommandError(refusal.message) from refusal

    def _verify(self, organization: UUID | None, anchors: Path | None, **options: Any) -> None:
        as_json: bool = options["json"]
        verified = Verified()
        findings: list[Finding] = []
        reported = 0
        started_at = timezone.now()

        def progress(entries: int) -> None:
            nonlocal reported
            if entries >= reported + _REPORTED_EVERY:
                reported = entries
                self.stderr.write(f"{entries} entries read…")

        kept = _read_anchors(anchors) if anchors else []
        for finding in verify(
            verified=verified, organization_id=organization, anchors=kept, progress=progress
        ):
            findings.append(finding)
            self._print(finding, as_json=as_json)
        audit_verified.send_robust(
            sender=Verified, started_at=started_at, verified=verified, findings=findings
        )
        if not as_json:
            self.stdout.write(
                f"{verified.chains} chains, {verified.entries} entries read, of which "
                f"{verified.unsealed} are newer than the last seal; {len(findings)} findings."
            )
        if findings:
            raise CommandError("The audit is not as it was written.")

    def _print(self, finding: Finding, *, as_json: bool) -> None:
        if as_json:
            reported = {
                "organization": str(finding.organization_id),
                "seq": finding.seq,
                "kind": finding.kind,
                "sentence": finding.sentence,
            }
            self.stdout.write(json.dumps(reported))
            return
        self.stdout.write(
            self.style.ERROR(
                f"{finding.organization_id} #{finding.seq} {finding.kind}: {finding.sentence}"
            )
        )

    def _anchor(self, organization: UUID | None, output: Path | None, **options: Any) -> None:
        del options
        seal_chains()
        lines = [json.dumps(anchor) for anchor in anchors(organization)]
        if output is None:
            for line in lines:
                self.stdout.write(line)
            return
        with output.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        self.stdout.write(f"{len(lines)} anchors written to {output}.")

    def _hold(self, organization: UUID, subject: str, reason: str, **options: Any) -> None:
        del options
        hold = place_hold(by=SystemPrincipal(organization), subject=subject, reason=reason)
        self.stdout.write(f"Held: {hold.pk}")

    def _lift(self, hold: UUID, reason: str, **options: Any) -> None:
        del options
        found = LegalHold.objects.filter(pk=hold).first()
        if found is None:
            raise HoldNotFound
        lift_hold(by=SystemPrincipal(found.organization_id), hold_id=hold, reason=reason)
        self.stdout.write(f"Lifted: {hold}")

    def _erase(self, organization: UUID, subject: str, **options: Any) -> None:
        del options
        number = erase_values(organization_id=organization, subject=subject)
        self.stdout.write(f"{number} values erased.")


def _read_anchors(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read as a file of anchors: {error}") from error

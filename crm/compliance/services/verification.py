"""Verification of the audit: every chain is read and recomputed, in batches."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from crm.compliance import chain
from crm.compliance.chain import Head, Link
from crm.compliance.models import INSTALLATION
from crm.organizations.models import Organization

# Rows in memory at once; a stretch of this length is checked and forgotten.
STRETCH = 5000
Progress = Callable[[int], None]

_LINKS = """
SELECT organization_id, seq, at, actor_kind, actor_id, action, object_type, object_id,
  details::text, correlation_id, data_hash, address_hash, prev_hash, hash
FROM compliance_auditentry WHERE organization_id = %s AND at > %s ORDER BY at LIMIT %s
"""
_VALUES = """
SELECT at, data::text, data_salt, data_erased_seq, address, address_salt, address_erased_seq
FROM compliance_auditvalues WHERE organization_id = %s AND at > %s AND at <= %s
"""
_SEALS = """
SELECT organization_id, seq, at, entry_hash, is_start, key_id, mac FROM compliance_auditsignature
WHERE organization_id = %s AND seq >= %s AND seq <= %s AND NOT is_start ORDER BY seq
"""
_START = """
SELECT organization_id, seq, at, entry_hash, is_start, key_id, mac FROM compliance_auditsignature
WHERE organization_id = %s AND is_start ORDER BY seq DESC LIMIT 1
"""
_LAST_SEAL = "SELECT max(seq) FROM compliance_auditsignature WHERE organization_id = %s"
_CHAINS = """
SELECT organization_id FROM compliance_auditchain
UNION SELECT organization_id FROM compliance_auditsignature ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """An inconsistency of a chain at a seq; ``kind`` is for programs."""

    organization_id: UUID
    seq: int
    kind: str
    sentence: str


@dataclass(slots=True)
class Verified:
    """Totals of the verification; ``unsealed`` entries are newer than the last signature."""

    chains: int = 0
    entries: int = 0
    unsealed: int = 0


@dataclass(slots=True)
class _Run:
    """The state of one chain's verification."""

    organization_id: UUID
    seq: int
    at: datetime
    hash: bytes
    last_sealed: int = 0
    # Numbers that values name as their erasure, and numbers that are one.
    named: set[int] = field(default_factory=set)
    erasures: set[int] = field(default_factory=set)

    def finding(self, kind: str, sentence: str, seq: int | None = None) -> Finding:
        return Finding(self.organization_id, self.seq if seq is None else seq, kind, sentence)


def verify(
    *,
    verified: Verified,
    organization_id: UUID | None = None,
    anchors: Iterable[dict[str, Any]] = (),
    progress: Progress = lambda entries: None,
) -> Iterator[Finding]:
    """Yield every inconsistency of the chains; nothing if all are intact.

    ``anchors`` are earlier results of `crm.compliance.services.signatures.anchors` that were stored
    elsewhere: they also reveal that the end of a chain was removed with its signatures.
    """
    for each in [organization_id] if organization_id else _chains():
        verified.chains += 1
        yield from _verify_chain(each, verified, progress)
    for anchor in anchors:
        if organization_id in {None, UUID(anchor["organization"])}:
            yield from _verify_anchor(anchor)


def _chains() -> list[UUID]:
    known = {row[0] for row in _rows(_CHAINS, [])}
    # A chain whose every trace was removed has no row above; its organization may still be there.
    known.update(Organization.objects.values_list("pk", flat=True))
    return sorted(known | {INSTALLATION})


def _verify_chain(
    organization_id: UUID, verified: Verified, progress: Progress
) -> Iterator[Finding]:
    run = _Run(
        organization_id,
        0,
        datetime.fromisoformat("1970-01-01T00:00:00+00:00"),
        chain.first_hash(organization_id),
    )
    for row in _rows(_START, [organization_id]):
        yield from _verify_seal(run, row)
        run.seq, run.at, run.hash = row[1], row[2], bytes(row[3])
    ((last_seal,),) = _rows(_LAST_SEAL, [organization_id])
    run.last_sealed = last_seal or 0
    while links := [_link(row) for row in _rows(_LINKS, [organization_id, run.at, STRETCH])]:
        began, first = run.at, run.seq + 1
        hashes = {}
        for link in links:
            yield from _verify_link(run, link)
            hashes[link.seq] = link.hash
        yield from _verify_values(run, links, began)
        seals = _rows(_SEALS, [organization_id, first, run.seq])
        for row in seals:
            yield from _verify_seal(run, row)
            if hashes.get(row[1]) != bytes(row[3]):
                yield run.finding(
                    "seal_broken", "What was sealed here is not what stands here.", row[1]
                )
        verified.entries += len(links)
        progress(verified.entries)
    if run.seq < run.last_sealed:
        yield run.finding(
            "tail_missing",
            f"Entries up to {run.last_sealed} were sealed; these are missing.",
            run.seq + 1,
        )
    verified.unsealed += max(0, run.seq - run.last_sealed)
    for seq in sorted(run.named - run.erasures):
        yield run.finding("erasure_missing", "Values were erased, but no entry tells of it.", seq)


def _verify_link(run: _Run, link: Link) -> Iterator[Finding]:
    if link.seq > run.seq + 1:
        yield run.finding("removed", f"Entries are missing up to {link.seq - 1}.", run.seq + 1)
    elif link.seq <= run.seq:
        yield run.finding("inserted", "A number stands here for the second time.", link.seq)
    elif link.prev_hash != run.hash:
        yield run.finding("unlinked", "The entry does not follow on the one before.", link.seq)
    if link.computed_hash() != link.hash:
        yield run.finding("changed", "The entry was changed after it was written.", link.seq)
    if link.action == "audit.erased":
        run.erasures.add(link.seq)
    run.seq, run.at, run.hash = max(run.seq, link.seq), link.at, link.hash


def _verify_values(run: _Run, links: list[Link], began: datetime) -> Iterator[Finding]:
    rows = _rows(_VALUES, [run.organization_id, began, links[-1].at])
    found = {row[0]: row[1:] for row in rows}
    for link in links:
        data, data_salt, data_erased, address, address_salt, address_erased = found.pop(
            link.at, (None,) * 6
        )
        for hashed, salt, value, erased in (
            (link.data_hash, data_salt, data, data_erased),
            (link.address_hash, address_salt, address, address_erased),
        ):
            if hashed is None and value is None:
                continue
            if hashed is not None and value is None and erased is not None:
                run.named.add(erased)
            elif hashed is None or value is None or salt is None:
                yield run.finding(
                    "values_missing", "Values were removed or added beside the entry.", link.seq
                )
            elif chain.salted_hash(bytes(salt), value) != hashed:
                yield run.finding("values_changed", "The entry's values were changed.", link.seq)
    if found:
        yield run.finding("values_added", f"{len(found)} values belong to no entry.")


def _verify_seal(run: _Run, row: tuple[Any, ...]) -> Iterator[Finding]:
    organization_id, seq, at, entry_hash, is_start, key_id, mac = row
    head = Head(organization_id, seq, at, bytes(entry_hash), is_start)
    if not chain.has_key(key_id):
        yield run.finding("key_unknown", f"AUDIT_KEYS holds no key {key_id}.", seq)
    elif not chain.is_signed(head, key_id=key_id, mac=bytes(mac)):
        yield run.finding("seal_forged", "The seal was not made with our key.", seq)


def _verify_anchor(anchor: dict[str, Any]) -> Iterator[Finding]:
    organization_id = UUID(anchor["organization"])
    at = datetime.fromisoformat(anchor["at"])
    head = Head(
        organization_id, anchor["seq"], at, bytes.fromhex(anchor["hash"]), anchor["is_start"]
    )
    run = _Run(organization_id, head.seq, at, head.hash)
    if not chain.is_signed(head, key_id=anchor["key_id"], mac=bytes.fromhex(anchor["mac"])):
        yield run.finding("anchor_forged", "The anchor was not made with our key.")
        return
    starts = _rows(_START, [organization_id])
    if starts and starts[0][1] >= head.seq:
        return
    sql = "SELECT seq, hash FROM compliance_auditentry WHERE organization_id = %s AND at = %s"
    stands = [(seq, bytes(each)) for seq, each in _rows(sql, [organization_id, at])]
    if stands != [(head.seq, head.hash)]:
        yield run.finding("anchor_lost", "What was anchored here does not stand here any more.")


def _link(row: tuple[Any, ...]) -> Link:
    columns: Any = (*row[:10], *(None if each is None else bytes(each) for each in row[10:]))
    return Link(*columns)


def _rows(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())

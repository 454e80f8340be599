"""Services that sign the ends of chains and export the signatures."""

import logging
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from crm.compliance import chain
from crm.compliance.chain import Head

logger = logging.getLogger(__name__)

_UNSEALED = """
SELECT c.organization_id, e.seq, e.at, e.hash
FROM compliance_auditchain c
CROSS JOIN LATERAL (
  SELECT e.seq, e.at, e.hash FROM compliance_auditentry e
  WHERE e.organization_id = c.organization_id AND e.at > coalesce((
    SELECT s.at FROM compliance_auditsignature s
    WHERE s.organization_id = c.organization_id ORDER BY s.seq DESC LIMIT 1
  ), 'epoch')
  ORDER BY e.at DESC LIMIT 1
) e
"""
_NEWEST = """
SELECT c.organization_id, s.seq, s.at, s.entry_hash, s.is_start, s.key_id, s.mac
FROM compliance_auditchain c
CROSS JOIN LATERAL (
  SELECT * FROM compliance_auditsignature s
  WHERE s.organization_id = c.organization_id ORDER BY s.seq DESC, s.is_start LIMIT 1
) s
WHERE c.organization_id = coalesce(%s, c.organization_id)
ORDER BY c.organization_id
"""


def seal_chains() -> int:
    """Sign the end of each chain that grew. Return their number. Safe to repeat."""
    with connection.cursor() as cursor:
        cursor.execute(_UNSEALED)
        heads = [
            Head(organization_id, seq, at, bytes(entry_hash))
            for organization_id, seq, at, entry_hash in cursor.fetchall()
        ]
    store_seals(heads)
    return len(heads)


@transaction.atomic
def store_seals(heads: list[Head]) -> None:
    key_id, key = next(iter(chain.keys().items()))
    with connection.cursor() as cursor:
        for head in heads:
            cursor.execute(
                "INSERT INTO compliance_auditsignature"
                " (organization_id, seq, at, entry_hash, is_start, key_id, mac)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [
                    head.organization_id,
                    head.seq,
                    head.at,
                    head.hash,
                    head.is_start,
                    key_id,
                    head.mac(key),
                ],
            )


def anchors(organization_id: UUID | None = None) -> list[dict[str, Any]]:
    """Return the newest signature of each chain, for storage outside of the installation."""
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [organization_id])
        return [
            {
                "organization": str(organization),
                "seq": seq,
                "at": chain.text_of(at),
                "hash": bytes(entry_hash).hex(),
                "is_start": is_start,
                "key_id": key_id,
                "mac": bytes(mac).hex(),
            }
            for organization, seq, at, entry_hash, is_start, key_id, mac in cursor.fetchall()
        ]


def log_anchors() -> int:
    """Sign the chains, then write their ends to the log, which leaves the machine."""
    seal_chains()
    found = anchors()
    for anchor in found:
        logger.info(
            "An audit chain ends here.",
            extra={"metadata": {"action": "audit.anchor", "anchor": anchor}},
        )
    return len(found)

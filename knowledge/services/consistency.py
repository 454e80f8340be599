"""Comparison of the index with the FAQs: Qdrant may lose points."""

import logging

from django.db.models import F

from knowledge.models import Faq, Passage

logger = logging.getLogger(__name__)
BATCH = 500


def mark_missing() -> int:
    """Mark FAQs whose passage is missing in the index for indexing. Return their number."""
    live = Passage.objects.aliased()
    missing = 0
    last = None
    indexed = Faq.objects.published().filter(indexed_version=F("version"))
    while True:
        rows = indexed if last is None else indexed.filter(pk__gt=last)
        batch = list(rows.order_by("pk")[:BATCH])
        if not batch:
            break
        last = batch[-1].pk
        wanted = {Passage.first_id(faq): faq.pk for faq in batch}
        there = Passage.objects.existing_ids(list(wanted), collection=live) if live else set()
        gone = [pk for point, pk in wanted.items() if point not in there]
        # Not a change of the FAQ: its version and its time stay, only the work starts again.
        missing += Faq.objects.filter(pk__in=gone).update(indexed_version=0)
    if missing:
        logger.error(
            "The knowledge index had lost FAQs; they are indexed again.",
            extra={"metadata": {"faqs": missing}},
        )
    return missing

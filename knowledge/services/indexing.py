"""Indexing: Qdrant holds nothing that cannot be rebuilt from the rows."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.organizations.models import Language
from knowledge.embedding import embed_questions
from knowledge.models import Faq, Passage
from knowledge.services.faqs import lock_knowledge, raise_version
from knowledge.tokenizer import document_vector, normalized

BATCH = 32
TASK_LIMIT = 1024


def index_faqs(
    *,
    organization_id: UUID,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Update the index with an organization's changed FAQs. Return their number.

    Safe to run concurrently and to be killed at any point: a row counts as indexed only after its
    passages are stored, and storing them again overwrites them.
    """
    done = 0
    while limit is None or done < limit:
        batch = list(
            Faq.objects.of(organization_id).to_index().order_by("updated_at", "pk")[:BATCH]
        )
        if not batch:
            break
        passages = passages_of([faq for faq in batch if faq.is_findable])
        done += _store(organization_id, batch, passages)
        if progress:
            progress(done)
    return done


def index_now(*, organization_id: UUID, progress: Callable[[int], None] | None = None) -> int:
    """Index synchronously instead of in a task: for the demo, tests and commands."""
    return index_faqs(organization_id=organization_id, progress=progress)


def organizations_behind() -> list[UUID]:
    """Return the organizations whose changes wait longer than a task should need."""
    late = timezone.now() - timedelta(seconds=settings.SWEEP_AFTER_SECONDS)
    return list(
        Faq.objects.to_index()
        .filter(updated_at__lt=late)
        .order_by()
        .values_list("organization_id", flat=True)
        .distinct()
    )


def passages_of(faqs: Sequence[Faq]) -> list[Passage]:
    """Compute the passages of FAQs, which is slow and needs no lock."""
    chunks = [(faq, chunk, text) for faq in faqs for chunk, text in enumerate(_asked(faq))]
    meanings = embed_questions([text for _faq, _chunk, text in chunks])
    return [
        Passage(
            organization_id=faq.organization_id,
            source_id=faq.pk,
            key=faq.key,
            language=faq.language_code,
            version=faq.version,
            chunk=chunk,
            meaning=meaning,
            # Once a FAQ: repeated for each phrasing, its words would look less telling.
            words=document_vector(faq.searched_text()) if chunk == 0 else None,
        )
        for (faq, chunk, _text), meaning in zip(chunks, meanings, strict=True)
    ]


def _asked(faq: Faq) -> list[str]:
    """Return the distinct questions of a FAQ; Vietnamese also without diacritics."""
    asked = [faq.question, *faq.phrasings]
    if faq.language_code == Language.VIETNAMESE:
        asked += [normalized(text) for text in asked]
    return list(dict.fromkeys(asked))


@transaction.atomic
def _store(organization_id: UUID, batch: list[Faq], passages: list[Passage]) -> int:
    """Store passages that are still current, under the lock that excludes an older version."""
    base = lock_knowledge(organization_id)
    seen = {faq.pk: faq.version for faq in batch}
    current = [
        faq
        for faq in Faq.objects.select_for_update(of=("self",))
        .of(organization_id)
        .filter(pk__in=seen)
        .order_by("pk")
        if faq.version == seen[faq.pk]
    ]
    versions = {faq.pk for faq in current}
    Passage.objects.put([passage for passage in passages if passage.source_id in versions])
    for faq in current:
        if faq.version == 1:
            continue  # there was never another version to forget
        Passage.objects.delete_of_source(
            organization_id=organization_id,
            source_id=faq.pk,
            except_version=faq.version if faq.is_findable else None,
        )
    Faq.objects.filter(pk__in=versions).update(
        indexed_version=F("version"), indexed_at=timezone.now()
    )
    raise_version(base)
    return len(current)

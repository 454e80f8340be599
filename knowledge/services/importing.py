"""Bulk import of FAQs: pasted, uploaded, or of the demo."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from crm.billing.metrics import Metric
from crm.billing.services import consume
from crm.core.ids import uuid7
from crm.core.permissions import Principal
from crm.core.text.normalization import identity_key, normalize_key
from crm.organizations.models import User
from knowledge.errors import CategoryNotFound, FaqKeyTaken
from knowledge.events import faqs_changed_on_commit
from knowledge.importing import ImportRow, mark_known
from knowledge.models import Faq, FaqCategory
from knowledge.services.categories import (
    ANYWHERE,
    EVERYWHERE,
    categories_by_name,
    create_category,
)
from knowledge.services.faqs import (
    FaqContent,
    another_key,
    assign,
    check_fields,
    key_of,
    lock_knowledge,
    raise_version,
    require_text_room,
    require_writer,
    values_of,
)

IMPORT_BATCH = 500
_INDEXED_FIELDS = ("key", "language_code", "question", "answer", "phrasings")


@transaction.atomic
def import_rows(*, by: Principal, rows: Sequence[ImportRow]) -> list[Faq]:
    """Add the importable rows, all or none; categories are found or created by name.

    Rows that were added in the meantime are skipped.
    """
    lock_knowledge(by.organization_id)
    importable = [row for row in mark_known(rows, by.organization_id) if row.is_importable]
    if importable:
        _count_import(by.organization_id)
    categories = categories_by_name(by.organization_id)
    return create_faqs(
        organization_id=by.organization_id,
        contents=[
            FaqContent(
                question=row.question,
                answer=row.answer,
                language_code=row.language,
                category_id=_category(row, categories, by),
            )
            for row in importable
        ],
        by=by,
    )


@transaction.atomic
def create_faqs(
    *, organization_id: UUID, contents: Sequence[FaqContent], by: Principal | None
) -> list[Faq]:
    """Add many FAQs, all or none, in a constant number of queries.

    Those without a ``key`` get one that is unused in every language. Raise what `create_faq` does.
    """
    require_writer(by, organization_id)
    base = lock_knowledge(organization_id)
    faqs = [
        Faq(organization_id=organization_id, created_by_id=by.user_id if by else None)
        for _ in contents
    ]
    keys = [normalize_key(content.key) or key_of(content.question) for content in contents]
    taken = set(
        Faq.objects.of(organization_id)
        .alive()
        .filter(key__in=set(keys))
        .values_list("key", "language_code")
    )
    used = {key for key, _language in taken}
    categories = {content.category_id for content in contents if content.category_id}
    known = FaqCategory.objects.of(organization_id).filter(pk__in=categories)
    if known.count() < len(categories):
        raise CategoryNotFound
    for faq, content, key in zip(faqs, contents, keys, strict=True):
        if content.key and (key, content.language_code) in taken:
            raise FaqKeyTaken
        if not content.key and key in used:
            key = another_key(key)
        taken.add((key, content.language_code))
        used.add(key)
        assign(faq, replace(content, key=key))
        check_fields(faq)
    if faqs:
        Faq.objects.bulk_create(faqs)
        require_text_room(organization_id)
        raise_version(base)
        faqs_changed_on_commit(organization_id)
    return faqs


def import_faqs(
    *,
    organization_id: UUID,
    contents: Iterable[FaqContent],
    by: User | None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Create or update many FAQs by key and language; idempotent.

    Return ``{"created": …, "updated": …, "unchanged": …}``; ``progress`` receives the number done.
    One transaction per batch, so that a killed import leaves whole batches and may be repeated.
    """
    if by is not None:
        _count_import(organization_id)
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    batch: list[FaqContent] = []
    for content in contents:
        batch.append(content)
        if len(batch) == IMPORT_BATCH:
            _import_batch(organization_id, batch, by, counts)
            batch = []
            if progress:
                progress(sum(counts.values()))
    if batch:
        _import_batch(organization_id, batch, by, counts)
    if progress:
        progress(sum(counts.values()))
    return counts


def _count_import(organization_id: UUID) -> None:
    """Count an import by a person. Raise QuotaExceeded."""
    consume(
        organization_id=organization_id,
        metric=Metric.BACKGROUND_TASKS,
        key=f"faq_import/{uuid7()}",
    )


@transaction.atomic
def _import_batch(
    organization_id: UUID, batch: list[FaqContent], by: User | None, counts: dict[str, int]
) -> None:
    base = lock_knowledge(organization_id)
    keys = {normalize_key(content.key) for content in batch}
    here = {
        (faq.key, faq.language_code): faq
        for faq in Faq.objects.of(organization_id).alive().filter(key__in=keys).select_for_update()
    }
    categories = set(FaqCategory.objects.of(organization_id).values_list("pk", flat=True))
    new: dict[UUID, Faq] = {}
    changed: list[Faq] = []
    now = timezone.now()
    for content in batch:
        key = normalize_key(content.key)
        faq = here.get((key, content.language_code))
        if faq is None:
            faq = Faq(organization_id=organization_id, created_by=by)
            here[key, content.language_code] = new[faq.pk] = faq
        elif not _differs(faq, content):
            continue
        elif faq.pk not in new:
            faq.version += 1
            faq.updated_at = now
            changed.append(faq)
        assign(faq, content)
        if faq.category_id and faq.category_id not in categories:
            raise CategoryNotFound
        check_fields(faq)
    Faq.objects.bulk_create(new.values())
    Faq.objects.bulk_update(
        changed,
        [*_INDEXED_FIELDS, "category", "is_published", "folded_text", "version", "updated_at"],
    )
    counts["created"] += len(new)
    counts["updated"] += len(changed)
    counts["unchanged"] += len(batch) - len(new) - len(changed)
    if new or changed:
        require_text_room(organization_id)
        raise_version(base)
        faqs_changed_on_commit(organization_id)


def _category(row: ImportRow, known: dict[tuple[str, str], UUID], by: Principal) -> UUID | None:
    """Return the id of the row's category, looked up in the row's language first."""
    if not row.category:
        return None
    name = identity_key(row.category)
    for language in (row.language, EVERYWHERE, ANYWHERE):
        if category_id := known.get((language, name)):
            return category_id
    made = create_category(organization_id=by.organization_id, name=row.category, by=by)
    known[ANYWHERE, name] = made.pk
    return made.pk


def _differs(faq: Faq, content: FaqContent) -> bool:
    return any(getattr(faq, field) != value for field, value in values_of(content).items())

"""Many FAQs at once: of an imported file, or of the demo."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from crm.billing.metrics import Metric
from crm.billing.services import consume
from crm.core.errors import AppError
from crm.core.ids import uuid7
from crm.core.permissions import WRITE, Level, Module, Principal, SystemPrincipal, require
from crm.core.stored_text import require_room
from crm.core.text.normalization import normalize_key
from crm.organizations.models import Organization
from knowledge.errors import CategoryNotFound, FaqKeyTaken, FaqNotFound
from knowledge.events import faqs_changed_on_commit
from knowledge.languages import detect_language
from knowledge.managers import FaqQuerySet
from knowledge.models import Faq, FaqCategory, KnowledgeBase
from knowledge.services.faqs import (
    FaqContent,
    another_key,
    assign,
    check_fields,
    content_of,
    key_of,
    lock_knowledge,
    raise_version,
    text_bytes,
    values_of,
)

IMPORT_BATCH = 500
_INDEXED_FIELDS = ("key", "language_code", "question", "answer", "phrasings")
_CHANGED_FIELDS = (
    *_INDEXED_FIELDS,
    "category",
    "is_published",
    "folded_text",
    "version",
    "updated_at",
)


def languages_of(*, by: Principal, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return for each row that names no language the one that it is written in."""
    found: list[dict[str, Any]] = []
    fallback = ""
    for row in rows:
        if row.get("language_code"):
            found.append({})
            continue
        fallback = fallback or Organization.objects.get(pk=by.organization_id).language_code
        text = f"{row.get('question', '')} {row.get('answer', '')}"
        found.append({"language_code": detect_language(text, fallback=fallback)})
    return found


@transaction.atomic
def create_faqs(*, by: Principal, rows: Sequence[Mapping[str, Any]]) -> list[Faq | AppError]:
    """Add many FAQs in a constant number of queries; return each, or why there is none.

    Those without a ``key`` get one that is unused in every language. Raise Forbidden, and
    QuotaExceeded where there is not room for the text of all of them.
    """
    require(by, Module.KNOWLEDGE, WRITE)
    organization_id = by.organization_id
    base = lock_knowledge(organization_id)
    contents = [FaqContent(**row) for row in rows]
    keys = [normalize_key(content.key) or key_of(content.question) for content in contents]
    taken = set(_with_keys(organization_id, keys).values_list("key", "language_code"))
    used = {key for key, _language in taken}
    categories = _categories_of(by)
    made: list[Faq | AppError] = []
    for content, key in zip(contents, keys, strict=True):
        if not content.key and key in used:
            key = another_key(key)
        faq = Faq(organization_id=organization_id, created_by_id=by.user_id)
        try:
            if (key, content.language_code) in taken:
                raise FaqKeyTaken(extra={"field": "key"})
            _give(faq, replace(content, key=key), categories)
        except AppError as refusal:
            made.append(refusal)
            continue
        taken.add((key, content.language_code))
        used.add(key)
        made.append(faq)
    new = [each for each in made if isinstance(each, Faq)]
    Faq.objects.bulk_create(new)
    if new:
        require_room(organization_id)
        _changed(base)
    return made


@transaction.atomic
def update_faqs(
    *, by: Principal, changes: Mapping[UUID, Mapping[str, Any]]
) -> dict[UUID, Faq | AppError]:
    """Change many FAQs in a constant number of queries, by id; return each, or why it was not
    changed.

    Raise Forbidden without the permission for all FAQs, and QuotaExceeded where there is not room
    for the text of all of them.
    """
    require(by, Module.KNOWLEDGE, WRITE, Level.ALL)
    organization_id = by.organization_id
    base = lock_knowledge(organization_id)
    theirs = Faq.objects.of(organization_id).alive().filter(pk__in=changes)
    found = {faq.pk: faq for faq in theirs.select_for_update(of=("self",)).order_by("pk")}
    contents = {pk: replace(content_of(faq), **changes[pk]) for pk, faq in found.items()}
    keys = [normalize_key(content.key) for content in contents.values()]
    holders = {
        (key, language): pk
        for pk, key, language in _with_keys(organization_id, keys).values_list(
            "pk", "key", "language_code"
        )
    }
    categories = _categories_of(by)
    made: dict[UUID, Faq | AppError] = {}
    before = after = 0
    for pk in changes:
        faq = found.get(pk)
        try:
            if faq is None:
                raise FaqNotFound
            place = (normalize_key(contents[pk].key), contents[pk].language_code)
            if holders.setdefault(place, pk) != pk:
                raise FaqKeyTaken(extra={"field": "key"})
            size = text_bytes(faq)
            _give(faq, contents[pk], categories)
        except AppError as refusal:
            made[pk] = refusal
            continue
        before, after = before + size, after + text_bytes(faq)
        _raise(faq)
        made[pk] = faq
    changed = [each for each in made.values() if isinstance(each, Faq)]
    Faq.objects.bulk_update(changed, _CHANGED_FIELDS)
    if after > before:
        require_room(organization_id)
    if changed:
        _changed(base)
    return made


@transaction.atomic
def delete_faqs(*, by: Principal, ids: Collection[UUID]) -> int:
    """Delete many FAQs at once; return how many. Raise Forbidden without the permission for all."""
    require(by, Module.KNOWLEDGE, WRITE, Level.ALL)
    base = lock_knowledge(by.organization_id)
    now = timezone.now()
    count = (
        Faq.objects.of(by.organization_id)
        .alive()
        .filter(pk__in=ids)
        .update(deleted_at=now, updated_at=now, version=F("version") + 1)
    )
    if count:
        _changed(base)
    return count


def import_faqs(
    *,
    by: Principal,
    contents: Iterable[FaqContent],
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Create or update many FAQs by key and language; idempotent.

    Return ``{"created": …, "updated": …, "unchanged": …}``; ``progress`` receives the number done.
    One transaction per batch, so that a killed import leaves whole batches and may be repeated.
    """
    require(by, Module.KNOWLEDGE, WRITE, Level.ALL)
    if not isinstance(by, SystemPrincipal):
        _count_import(by.organization_id)
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    batch: list[FaqContent] = []
    for content in contents:
        batch.append(content)
        if len(batch) == IMPORT_BATCH:
            _import_batch(by, batch, counts)
            batch = []
            if progress:
                progress(sum(counts.values()))
    if batch:
        _import_batch(by, batch, counts)
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
def _import_batch(by: Principal, batch: list[FaqContent], counts: dict[str, int]) -> None:
    organization_id = by.organization_id
    base = lock_knowledge(organization_id)
    keys = [normalize_key(content.key) for content in batch]
    here = {
        (faq.key, faq.language_code): faq
        for faq in _with_keys(organization_id, keys).select_for_update()
    }
    categories = _categories_of(by)
    new: dict[UUID, Faq] = {}
    changed: list[Faq] = []
    for content in batch:
        place = (normalize_key(content.key), content.language_code)
        faq = here.get(place)
        if faq is None:
            faq = Faq(organization_id=organization_id, created_by_id=by.user_id)
            here[place] = new[faq.pk] = faq
        elif not _differs(faq, content):
            continue
        elif faq.pk not in new:
            _raise(faq)
            changed.append(faq)
        _give(faq, content, categories)
    Faq.objects.bulk_create(new.values())
    Faq.objects.bulk_update(changed, _CHANGED_FIELDS)
    counts["created"] += len(new)
    counts["updated"] += len(changed)
    counts["unchanged"] += len(batch) - len(new) - len(changed)
    if new or changed:
        require_room(organization_id)
        _changed(base)


def _with_keys(organization_id: UUID, keys: Iterable[str]) -> FaqQuerySet:
    return Faq.objects.of(organization_id).alive().filter(key__in=set(keys))


def _categories_of(by: Principal) -> set[UUID]:
    return set(FaqCategory.objects.visible_to(by).values_list("pk", flat=True))


def _give(faq: Faq, content: FaqContent, categories: Collection[UUID]) -> None:
    """Set the content of a row. Raise CategoryNotFound and InvalidFaq."""
    assign(faq, content)
    if faq.category_id and faq.category_id not in categories:
        raise CategoryNotFound
    check_fields(faq)


def _raise(faq: Faq) -> None:
    faq.version += 1
    faq.updated_at = timezone.now()


def _changed(base: KnowledgeBase) -> None:
    raise_version(base)
    faqs_changed_on_commit(base.organization_id)


def _differs(faq: Faq, content: FaqContent) -> bool:
    return any(getattr(faq, field) != value for field, value in values_of(content).items())

"""Services of FAQs. Each marks the index update in the row, in the same transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.core.database.locks import waiting_at_most
from crm.core.errors import Collided
from crm.core.ids import uuid7
from crm.core.permissions import READ, WRITE, Module, Principal, can_access, require, require_record
from crm.core.stored_text import require_room
from crm.core.text.folding import identity_key, joined_words, search_key
from crm.core.text.normalization import normalize, normalize_key, normalize_line
from crm.core.versions import check_version
from knowledge.errors import (
    CategoryNotFound,
    FaqKeyTaken,
    FaqNotFound,
    InvalidFaq,
)
from knowledge.events import faqs_changed_on_commit
from knowledge.managers import FaqQuerySet
from knowledge.models import MAX_PHRASINGS, QUESTION_LENGTH, Faq, FaqCategory, KnowledgeBase


@dataclass(frozen=True, slots=True)
class FaqContent:
    """The editable content of a FAQ; an empty ``key`` is derived from the question."""

    question: str
    answer: str
    language_code: str
    key: str = ""
    category_id: UUID | None = None
    phrasings: tuple[str, ...] = ()
    is_published: bool = True


def lock_knowledge(organization_id: UUID) -> KnowledgeBase:
    """Lock an organization's knowledge until the transaction ends. Raise Collided where somebody
    holds it for long.
    """
    KnowledgeBase.objects.get_or_create(organization_id=organization_id)
    with waiting_at_most(Collided()):
        return KnowledgeBase.objects.select_for_update().get(organization_id=organization_id)


def wait_for_knowledge(by: Principal) -> None:
    """Lock the knowledge of a job's organization until the transaction ends, however long somebody
    else holds it.
    """
    KnowledgeBase.objects.get_or_create(organization_id=by.organization_id)
    KnowledgeBase.objects.select_for_update().get(organization_id=by.organization_id)


def raise_version(base: KnowledgeBase) -> None:
    """Invalidate cached answers; requires the lock."""
    base.version += 1
    base.save(update_fields=["version"])


@transaction.atomic
def create_faq(*, by: Principal, content: FaqContent) -> Faq:
    """Add a FAQ; it is found once the index is updated.

    ``by``, here and below, needs the permission in its organization. Raise FaqKeyTaken,
    CategoryNotFound and InvalidFaq.
    """
    require(by, Module.KNOWLEDGE, WRITE)
    base = lock_knowledge(by.organization_id)
    faq = Faq(organization_id=by.organization_id, created_by_id=by.user_id)
    _fill(by, faq, content)
    return _store(faq, base)


@transaction.atomic
def update_faq(
    *,
    by: Principal,
    faq_id: UUID,
    content: FaqContent | Mapping[str, Any],
    version: int | None = None,
) -> Faq:
    """Change a FAQ; of a mapping, only the members it contains.

    ``version`` is the version that the edit was made from. Raise FaqNotFound, EditedMeanwhile,
    FaqKeyTaken, CategoryNotFound and InvalidFaq.
    """
    base = lock_knowledge(by.organization_id)
    faq = _locked(by, faq_id)
    check_version(faq, version)
    given = content if isinstance(content, FaqContent) else replace(content_of(faq), **content)
    _fill(by, faq, given)
    return _store(faq, base)


@transaction.atomic
def add_phrasing(*, by: Principal, faq_id: UUID, phrasing: str) -> Faq:
    """Add an alternative question to a FAQ; an existing one changes nothing.

    Raise FaqNotFound, InvalidFaq where the maximum is reached, and QuotaExceeded.
    """
    base = lock_knowledge(by.organization_id)
    faq = _locked(by, faq_id)
    asked = normalize_line(phrasing)[:QUESTION_LENGTH].strip()
    known = {identity_key(each) for each in (faq.question, *faq.phrasings)}
    if not asked or identity_key(asked) in known:
        return faq
    faq.phrasings = [*faq.phrasings, asked]
    faq.folded_text = _folded_text(faq)
    check_fields(faq)
    _follow(faq, base, "phrasings", "folded_text")
    require_room(faq.organization_id)
    return faq


@transaction.atomic
def set_published(
    *,
    by: Principal,
    faq_id: UUID,
    is_published: bool,
    version: int | None = None,
) -> Faq:
    """Publish or unpublish a FAQ, for the bot and the help pages at once."""
    base = lock_knowledge(by.organization_id)
    faq = _locked(by, faq_id)
    check_version(faq, version)
    if faq.is_published == is_published:
        return faq
    faq.is_published = is_published
    return _follow(faq, base, "is_published")


@transaction.atomic
def delete_faq(*, by: Principal, faq_id: UUID, version: int | None = None) -> Faq:
    """Delete a FAQ; `restore_faq` undoes it while it is kept. Raise EditedMeanwhile."""
    base = lock_knowledge(by.organization_id)
    faq = _locked(by, faq_id)
    check_version(faq, version)
    faq.deleted_at = timezone.now()
    return _follow(faq, base, "deleted_at")


@transaction.atomic
def restore_faq(*, by: Principal, faq_id: UUID, deleted_at: datetime | None = None) -> Faq:
    """Restore a deleted FAQ.

    Raise FaqKeyTaken where another one has its key by now, QuotaExceeded where its text exceeds
    the plan, and FaqNotFound where it was deleted once more since ``deleted_at``.
    """
    base = lock_knowledge(by.organization_id)
    faq = (
        Faq.objects.select_for_update(of=("self",))
        .filter(organization_id=by.organization_id, pk=faq_id)
        .first()
    )
    if faq is None:
        raise FaqNotFound
    _require_change(by, faq)
    if faq.deleted_at is None:
        return faq
    if deleted_at not in {None, faq.deleted_at}:
        raise FaqNotFound
    _refuse_taken_key(faq)
    faq.deleted_at = None
    _follow(faq, base, "deleted_at")
    require_room(faq.organization_id)
    return faq


def purge_deleted(*, limit: int = 1000) -> int:
    """Delete rows permanently after the time to undo and the removal from the index. Return the
    number.
    """
    before = timezone.now() - timedelta(days=settings.KNOWLEDGE_KEEP_DELETED_DAYS)
    due = Faq.objects.filter(deleted_at__lt=before, indexed_version=F("version"))
    found = list(due.values_list("pk", flat=True)[:limit])
    removed, _by_model = Faq.objects.filter(pk__in=found).delete()
    return removed


def _require_change(by: Principal, faq: Faq) -> None:
    """Raise FaqNotFound if the FAQ is invisible to the principal, Forbidden if it is theirs to see
    alone.
    """
    if not can_access(by, Module.KNOWLEDGE, READ, (faq.created_by_id,)):
        raise FaqNotFound
    require_record(by, Module.KNOWLEDGE, WRITE, owner_ids=(faq.created_by_id,))


def _locked(by: Principal, faq_id: UUID) -> Faq:
    faq = (
        Faq.objects.select_for_update(of=("self",))
        .of(by.organization_id)
        .alive()
        .filter(pk=faq_id)
        .first()
    )
    if faq is None:
        raise FaqNotFound
    _require_change(by, faq)
    return faq


def _fill(by: Principal, faq: Faq, content: FaqContent) -> None:
    before = faq.category_id
    assign(faq, content)
    if faq.category_id is not None and faq.category_id != before:
        _require_category(by, faq.category_id)
    check_fields(faq)
    _refuse_taken_key(faq)


def _require_category(by: Principal, category_id: UUID) -> None:
    """Raise CategoryNotFound for one that the principal may not see."""
    if not FaqCategory.objects.visible_to(by).filter(pk=category_id).exists():
        raise CategoryNotFound


def assign(faq: Faq, content: FaqContent) -> None:
    """Set the content of a row, with an unused key where it has none.

    Unused in every language: FAQs of one key are translations of each other, and two questions
    share a derived key by chance, because it drops accents and other scripts.
    """
    for field, value in values_of(content).items():
        setattr(faq, field, value)
    if not faq.key:
        faq.key = key_of(content.question)
        if _others_with_key(faq).exists():
            faq.key = another_key(faq.key)
    faq.folded_text = _folded_text(faq)


def content_of(faq: Faq) -> FaqContent:
    return FaqContent(
        question=faq.question,
        answer=faq.answer,
        language_code=faq.language_code,
        key=faq.key,
        category_id=faq.category_id,
        phrasings=tuple(faq.phrasings),
        is_published=faq.is_published,
    )


def _folded_text(faq: Faq) -> str:
    lines = []
    for key in map(search_key, [faq.question, *faq.phrasings, faq.answer]):
        # "Wi-Fi" is found by "wifi", too, as early as it is mentioned.
        lines += [key, " ".join(joined_words(key))]
    return "\n".join(filter(None, lines))


def values_of(content: FaqContent) -> dict[str, Any]:
    """Return the fields of a row as they are stored, by name."""
    phrasings = dict.fromkeys(normalize_line(line) for line in content.phrasings)
    return {
        "question": normalize_line(content.question),
        "answer": normalize(content.answer),
        "language_code": content.language_code,
        "key": normalize_key(content.key),
        "category_id": content.category_id,
        "phrasings": [line for line in phrasings if line],
        "is_published": content.is_published,
    }


def check_fields(faq: Faq) -> None:
    """Raise InvalidFaq unless the row may be stored."""
    if len(faq.phrasings) > MAX_PHRASINGS:
        message = _("At most %(count)d.") % {"count": MAX_PHRASINGS}
        raise InvalidFaq(extra={"errors": {"phrasings": [message]}})
    try:
        faq.clean_fields(exclude=["organization", "category", "created_by"])
    except ValidationError as error:
        raise InvalidFaq(extra={"errors": error.message_dict}) from error


def key_of(question: str) -> str:
    """Return the key derived from a question, which may be taken."""
    return slugify(search_key(question))[:60].strip("-") or "faq"


def another_key(key: str) -> str:
    """Return an unused key that starts with the given one."""
    return f"{key}-{uuid7().hex[-8:]}"


def _refuse_taken_key(faq: Faq) -> None:
    # The knowledge base's lock keeps others from taking it between here and the insert.
    if _key_is_taken(faq):
        raise FaqKeyTaken(extra={"field": "key"})


def _key_is_taken(faq: Faq) -> bool:
    return _others_with_key(faq).in_language(faq.language_code).exists()


def _others_with_key(faq: Faq) -> FaqQuerySet:
    return Faq.objects.of(faq.organization_id).alive().with_key(faq.key).exclude(pk=faq.pk)


def _store(faq: Faq, base: KnowledgeBase) -> Faq:
    if faq._state.adding:
        faq.save()
        require_room(faq.organization_id)
    else:
        before = text_bytes(Faq.objects.only("question", "answer", "phrasings").get(pk=faq.pk))
        faq.save()
        if text_bytes(faq) > before:
            require_room(faq.organization_id)
    raise_version(base)
    faqs_changed_on_commit(faq.organization_id)
    return faq


def text_bytes(faq: Faq) -> int:
    return sum(len(text.encode()) for text in (faq.question, faq.answer, *faq.phrasings))


def _follow(faq: Faq, base: KnowledgeBase, *fields: str) -> Faq:
    faq.save(update_fields=[*fields, "updated_at"])
    raise_version(base)
    faqs_changed_on_commit(faq.organization_id)
    return faq

"""Services of FAQs. Each marks the index update in the row, in the same transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.billing.metrics import Metric
from crm.billing.services import check_quota
from crm.core.database.locks import waiting_at_most
from crm.core.errors import Collided, Forbidden
from crm.core.ids import uuid7
from crm.core.permissions import READ, WRITE, Module, Principal, can_access, require, require_record
from crm.core.text.normalization import (
    identity_key,
    normalize,
    normalize_key,
    normalize_line,
    search_key,
)
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


def raise_version(base: KnowledgeBase) -> None:
    """Invalidate cached answers; requires the lock."""
    base.version += 1
    base.save(update_fields=["version"])


@transaction.atomic
def create_faq(*, organization_id: UUID, content: FaqContent, by: Principal | None) -> Faq:
    """Add a FAQ; it is found once the index is updated.

    ``by``, here and below, is the principal and needs the permission; None is the installation.
    Raise FaqKeyTaken, CategoryNotFound and InvalidFaq.
    """
    require_writer(by, organization_id)
    base = lock_knowledge(organization_id)
    faq = Faq(organization_id=organization_id, created_by_id=by.user_id if by else None)
    _fill(faq, content)
    return _store(faq, base)


@transaction.atomic
def update_faq(
    *,
    organization_id: UUID,
    faq_id: UUID,
    content: FaqContent | Mapping[str, Any],
    by: Principal | None = None,
    version: int | None = None,
) -> Faq:
    """Change a FAQ; of a mapping, only the members it contains.

    ``version`` is the version that the edit was made from. Raise FaqNotFound, EditedMeanwhile,
    FaqKeyTaken, CategoryNotFound and InvalidFaq.
    """
    base = lock_knowledge(organization_id)
    faq = _locked(organization_id, faq_id, by)
    check_version(faq, version)
    _fill(faq, content if isinstance(content, FaqContent) else replace(_content(faq), **content))
    return _store(faq, base)


@transaction.atomic
def add_phrasing(
    *, organization_id: UUID, faq_id: UUID, phrasing: str, by: Principal | None = None
) -> Faq:
    """Add an alternative question to a FAQ; an existing one changes nothing.

    Raise FaqNotFound, InvalidFaq where the maximum is reached, and QuotaExceeded.
    """
    base = lock_knowledge(organization_id)
    faq = _locked(organization_id, faq_id, by)
    asked = normalize_line(phrasing)[:QUESTION_LENGTH].strip()
    known = {identity_key(each) for each in (faq.question, *faq.phrasings)}
    if not asked or identity_key(asked) in known:
        return faq
    faq.phrasings = [*faq.phrasings, asked]
    faq.folded_text = _folded_text(faq)
    check_fields(faq)
    _follow(faq, base, "phrasings", "folded_text")
    require_text_room(organization_id)
    return faq


@transaction.atomic
def set_published(
    *,
    organization_id: UUID,
    faq_id: UUID,
    is_published: bool,
    by: Principal | None = None,
    version: int | None = None,
) -> Faq:
    """Publish or unpublish a FAQ, for the bot and the help pages at once."""
    base = lock_knowledge(organization_id)
    faq = _locked(organization_id, faq_id, by)
    check_version(faq, version)
    if faq.is_published == is_published:
        return faq
    faq.is_published = is_published
    return _follow(faq, base, "is_published")


@transaction.atomic
def delete_faq(
    *,
    organization_id: UUID,
    faq_id: UUID,
    by: Principal | None = None,
    version: int | None = None,
) -> Faq:
    """Delete a FAQ; `restore_faq` undoes it while it is kept. Raise EditedMeanwhile."""
    base = lock_knowledge(organization_id)
    faq = _locked(organization_id, faq_id, by)
    check_version(faq, version)
    faq.deleted_at = timezone.now()
    return _follow(faq, base, "deleted_at")


@transaction.atomic
def restore_faq(
    *,
    organization_id: UUID,
    faq_id: UUID,
    by: Principal | None = None,
) -> Faq:
    """Restore a deleted FAQ.

    Raise FaqKeyTaken where another one has its key by now, and QuotaExceeded where its text exceeds
    the plan.
    """
    base = lock_knowledge(organization_id)
    faq = (
        Faq.objects.select_for_update(of=("self",))
        .filter(organization_id=organization_id, pk=faq_id)
        .first()
    )
    if faq is None:
        raise FaqNotFound
    _require_change(by, faq)
    if faq.deleted_at is None:
        return faq
    _refuse_taken_key(faq)
    faq.deleted_at = None
    _follow(faq, base, "deleted_at")
    require_text_room(organization_id)
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


def require_writer(by: Principal | None, organization_id: UUID) -> None:
    """Raise Forbidden for a principal without write permission on the organization's knowledge."""
    if by is None:
        return
    require(by, Module.KNOWLEDGE, WRITE)
    if by.organization_id != organization_id:
        raise Forbidden


def _require_change(by: Principal | None, faq: Faq) -> None:
    """Raise Forbidden for a principal who may not change this FAQ, FaqNotFound if it is
    invisible.
    """
    if by is None:
        return
    is_theirs = by.organization_id == faq.organization_id
    if not is_theirs or not can_access(by, Module.KNOWLEDGE, READ, (faq.created_by_id,)):
        raise FaqNotFound
    require_record(by, Module.KNOWLEDGE, WRITE, owner_ids=(faq.created_by_id,))


def _locked(organization_id: UUID, faq_id: UUID, by: Principal | None) -> Faq:
    faq = (
        Faq.objects.select_for_update(of=("self",))
        .of(organization_id)
        .alive()
        .filter(pk=faq_id)
        .first()
    )
    if faq is None:
        raise FaqNotFound
    _require_change(by, faq)
    return faq


def _fill(faq: Faq, content: FaqContent) -> None:
    assign(faq, content)
    if (
        faq.category_id
        and not FaqCategory.objects.of(faq.organization_id).filter(pk=faq.category_id).exists()
    ):
        raise CategoryNotFound
    check_fields(faq)
    _refuse_taken_key(faq)


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


def _content(faq: Faq) -> FaqContent:
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
    return "\n".join(map(search_key, [faq.question, *faq.phrasings, faq.answer]))


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
        require_text_room(faq.organization_id)
    else:
        before = text_bytes(Faq.objects.only("question", "answer", "phrasings").get(pk=faq.pk))
        faq.save()
        if text_bytes(faq) > before:
            require_text_room(faq.organization_id)
    raise_version(base)
    faqs_changed_on_commit(faq.organization_id)
    return faq


def text_bytes(faq: Faq) -> int:
    return sum(len(text.encode()) for text in (faq.question, faq.answer, *faq.phrasings))


def require_text_room(organization_id: UUID) -> None:
    """Raise QuotaExceeded if the stored text exceeds the plan."""
    check_quota(Metric.STORED_BYTES, organization_id=organization_id, amount=0)


def _follow(faq: Faq, base: KnowledgeBase, *fields: str) -> Faq:
    faq.save(update_fields=[*fields, "updated_at"])
    raise_version(base)
    faqs_changed_on_commit(faq.organization_id)
    return faq

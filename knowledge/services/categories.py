"""Services of FAQ categories; names are unique within an organization."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from crm.core.ids import uuid7
from crm.core.permissions import WRITE, Level, Module, Principal, require
from crm.core.stored_text import require_room, require_room_for, typed_bytes
from crm.core.text.folding import identity_key, search_key
from crm.core.text.normalization import is_blank
from crm.core.undo.services import UndoImpossible, record_undoable, register_undo, restore, snapshot
from crm.core.versions import check_version
from crm.organizations.models import Language
from knowledge.errors import (
    CategoryNameMissing,
    CategoryNamesInvalid,
    CategoryNameTaken,
    CategoryNotFound,
    TooManyCategories,
)
from knowledge.events import faqs_changed_on_commit
from knowledge.managers import FaqCategoryQuerySet
from knowledge.models import Faq, FaqCategory
from knowledge.services.faqs import lock_knowledge

MAX_CATEGORIES = 200
# Keys of `categories_by_name` that are not languages.
EVERYWHERE, ANYWHERE = "", "*"


@transaction.atomic
def create_category(
    *,
    by: Principal,
    name: str,
    slug: str = "",
    names: Mapping[str, str] | None = None,
    position: int = 0,
) -> FaqCategory:
    """Add a category, or update the one with this slug.

    A slug derived from the name is made unique: it drops accents, so that two names may share it.
    Raise CategoryNameMissing, CategoryNamesInvalid, and CategoryNameTaken for a name that another
    category has in any language; TooManyCategories, and QuotaExceeded beyond the plan's text.
    """
    require(by, Module.KNOWLEDGE, WRITE)
    lock_knowledge(by.organization_id)
    theirs = FaqCategory.objects.of(by.organization_id)
    known = theirs.filter(slug=slug).first() if slug else None
    if known is not None:
        require_all(by)
    elif theirs.count() >= MAX_CATEGORIES:
        raise TooManyCategories
    before = typed_bytes(known) if known else 0
    category = known or FaqCategory(
        organization_id=by.organization_id, slug=slug or _free_slug(theirs, name)
    )
    category.position = position
    _give_names(category, name, names or {})
    category.save()
    require_room_for(category, before)
    return category


@transaction.atomic
def rename_category(
    *,
    by: Principal,
    category_id: UUID,
    name: str | None = None,
    names: Mapping[str, str] | None = None,
    version: int | None = None,
) -> FaqCategory:
    """Rename a category; None leaves a value unchanged.

    ``names`` replaces all names by language. ``version`` is the version that the edit was made
    from. Raise CategoryNotFound, EditedMeanwhile, CategoryNameMissing, CategoryNamesInvalid,
    CategoryNameTaken, and QuotaExceeded for longer names beyond the plan's text.
    """
    require_all(by)
    lock_knowledge(by.organization_id)
    category = _locked_category(by.organization_id, category_id)
    check_version(category, version)
    before = typed_bytes(category)
    _give_names(
        category,
        category.name if name is None else name,
        category.names if names is None else names,
    )
    category.save(update_fields=["name", "names", "updated_at"])
    require_room_for(category, before)
    return category


@transaction.atomic
def delete_category(*, by: Principal, category_id: UUID, version: int | None = None) -> UUID | None:
    """Delete a category; its FAQs stay without one. Raise CategoryNotFound, EditedMeanwhile.

    Return the id for `undo`.
    """
    require_all(by)
    lock_knowledge(by.organization_id)
    category = _locked_category(by.organization_id, category_id)
    check_version(category, version)
    action_id = record_undoable(by=by, kind="faq_category", data=snapshot(category))
    category.delete()
    # Their versions are raised.
    faqs_changed_on_commit(by.organization_id)
    return action_id


@transaction.atomic
def remove_unused_category(*, by: Principal, pk: UUID) -> None:
    """Delete a category that an import added, unless it was changed since or has FAQs."""
    require_all(by)
    lock_knowledge(by.organization_id)
    category = FaqCategory.objects.of(by.organization_id).filter(pk=pk, version=1).first()
    if category is not None and not Faq.objects.alive().in_category(category).exists():
        category.delete()
        faqs_changed_on_commit(by.organization_id)


def _restore_category(by: Principal, data: dict[str, Any]) -> None:
    require_all(by)
    lock_knowledge(by.organization_id)
    if FaqCategory.objects.of(by.organization_id).count() >= MAX_CATEGORIES:
        raise TooManyCategories
    restore(data)
    require_room(by.organization_id)
    category = _locked_category(by.organization_id, UUID(data["pk"]))
    if is_called_like_another(category):
        raise UndoImpossible
    faqs_changed_on_commit(by.organization_id)


register_undo("faq_category", _restore_category, is_daily_work=True)


def require_all(by: Principal) -> None:
    """Raise Forbidden unless the principal may change all FAQs: a category is over everybody's."""
    require(by, Module.KNOWLEDGE, WRITE, Level.ALL)


def _locked_category(organization_id: UUID, category_id: UUID) -> FaqCategory:
    category = (
        FaqCategory.objects.select_for_update().of(organization_id).filter(pk=category_id).first()
    )
    if category is None:
        raise CategoryNotFound
    return category


def is_called_like_another(category: FaqCategory) -> bool:
    """Return whether another category has the same name in any language; requires the lock."""
    key = cache(identity_key)
    wanted = {
        language: key(category.name_in(language)) for language in (EVERYWHERE, *Language.values)
    }
    others = FaqCategory.objects.of(category.organization_id).exclude(pk=category.pk)
    return any(
        key(other.name_in(language)) == name
        for other in others
        for language, name in wanted.items()
    )


def categories_by_name(organization_id: UUID) -> dict[tuple[str, str], UUID]:
    """Map ``(language, identity key of the name)`` to the id of the category.

    ``EVERYWHERE`` as the language maps the default names, ``ANYWHERE`` the names in all languages.
    """
    found: dict[tuple[str, str], UUID] = {}
    for category in FaqCategory.objects.of(organization_id).in_order():
        for language in (EVERYWHERE, *Language.values):
            found.setdefault((language, identity_key(category.name_in(language))), category.pk)
        for name in (category.name, *category.names.values()):
            found.setdefault((ANYWHERE, identity_key(name)), category.pk)
    return found


def _give_names(category: FaqCategory, name: str, names: Mapping[str, str]) -> None:
    """Set the names of a category; ``names`` that are empty are dropped.

    Raise CategoryNameMissing, CategoryNamesInvalid or CategoryNameTaken; requires the lock.
    """
    if is_blank(name):
        raise CategoryNameMissing
    try:
        local = FaqCategory._meta.get_field("names").clean(dict(names), category)
    except ValidationError:
        raise CategoryNamesInvalid from None
    category.name = name
    category.names = {language: each for language, each in local.items() if each}
    if is_called_like_another(category):
        raise CategoryNameTaken


def _free_slug(theirs: FaqCategoryQuerySet, name: str) -> str:
    stem = slugify(search_key(name))[:67].strip("-")
    if stem and not theirs.filter(slug=stem).exists():
        return stem
    return f"{stem}-{uuid7().hex[-12:]}".strip("-")

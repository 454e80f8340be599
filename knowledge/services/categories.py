"""Services of FAQ categories; names are unique within an organization."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.text import slugify

from crm.accounts.errors import UndoImpossible
from crm.accounts.models import Language
from crm.accounts.permissions import Principal
from crm.accounts.services.undo import record_undoable, register_undo, restore, snapshot
from crm.core.ids import uuid7
from crm.core.text.normalization import is_blank, is_taken, normalize_line, search_key
from crm.core.versions import check_version
from knowledge.errors import (
    CategoryNameMissing,
    CategoryNamesInvalid,
    CategoryNameTaken,
    CategoryNotFound,
)
from knowledge.managers import FaqCategoryQuerySet
from knowledge.models import NAME_LENGTH, FaqCategory
from knowledge.services.faqs import lock_knowledge, require_writer


@transaction.atomic
def create_category(
    *,
    organization_id: UUID,
    name: str,
    slug: str = "",
    names: Mapping[str, str] | None = None,
    position: int = 0,
    by: Principal | None = None,
) -> FaqCategory:
    """Add a category, or update the one with this slug.

    A slug derived from the name is made unique: it drops accents, so that two names may share it.
    Raise CategoryNameMissing, CategoryNamesInvalid, and CategoryNameTaken for a duplicate name.
    """
    require_writer(by, organization_id)
    lock_knowledge(organization_id)
    theirs = FaqCategory.objects.of(organization_id)
    known = theirs.filter(slug=slug).first() if slug else None
    _check_name(organization_id, name, known)
    local_names = _local_names(names or {}, name)
    category = known or FaqCategory(
        organization_id=organization_id, slug=slug or _free_slug(theirs, name)
    )
    category.name, category.names, category.position = name, local_names, position
    category.save()
    return category


@transaction.atomic
def rename_category(
    *,
    organization_id: UUID,
    category_id: UUID,
    name: str | None = None,
    names: Mapping[str, str] | None = None,
    by: Principal | None = None,
    version: int | None = None,
) -> FaqCategory:
    """Rename a category; None leaves a value unchanged.

    ``names`` replaces all names by language. ``version`` is the version that the edit was made
    from. Raise CategoryNotFound, EditedMeanwhile, CategoryNameMissing, CategoryNamesInvalid and
    CategoryNameTaken.
    """
    require_writer(by, organization_id)
    lock_knowledge(organization_id)
    category = _locked_category(organization_id, category_id)
    check_version(category, version)
    if name is not None:
        _check_name(organization_id, name, category)
        category.name = name
    category.names = _local_names(category.names if names is None else names, category.name)
    category.save(update_fields=["name", "names", "updated_at"])
    return category


@transaction.atomic
def delete_category(
    *,
    organization_id: UUID,
    category_id: UUID,
    by: Principal | None = None,
    version: int | None = None,
) -> UUID | None:
    """Delete a category; its FAQs stay without one. Raise CategoryNotFound, EditedMeanwhile.

    Return the id for `undo`.
    """
    require_writer(by, organization_id)
    category = _locked_category(organization_id, category_id)
    check_version(category, version)
    action_id = record_undoable(by=by, kind="faq_category", data=snapshot(category))
    category.delete()
    return action_id


def _restore_category(by: Principal, data: dict[str, Any]) -> None:
    require_writer(by, by.organization_id)
    lock_knowledge(by.organization_id)
    restore(data)
    category = _locked_category(by.organization_id, UUID(data["pk"]))
    if _is_name_taken(category.name, by.organization_id, own=category):
        raise UndoImpossible


register_undo("faq_category", _restore_category)


def _locked_category(organization_id: UUID, category_id: UUID) -> FaqCategory:
    category = (
        FaqCategory.objects.select_for_update().of(organization_id).filter(pk=category_id).first()
    )
    if category is None:
        raise CategoryNotFound
    return category


def _local_names(names: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the names by language that differ from the default. Raise CategoryNamesInvalid."""
    if not names.keys() <= set(Language.values):
        raise CategoryNamesInvalid
    local = {language: normalize_line(each) for language, each in names.items()}
    if any(len(each) > NAME_LENGTH for each in local.values()):
        raise CategoryNamesInvalid
    return {
        language: each for language, each in local.items() if not is_blank(each) and each != name
    }


def _check_name(organization_id: UUID, name: str, own: FaqCategory | None) -> None:
    """Raise CategoryNameMissing or CategoryNameTaken; requires the lock."""
    if is_blank(name):
        raise CategoryNameMissing
    if _is_name_taken(name, organization_id, own=own):
        raise CategoryNameTaken


def _is_name_taken(name: str, organization_id: UUID, *, own: FaqCategory | None) -> bool:
    others = FaqCategory.objects.of(organization_id)
    if own is not None:
        others = others.exclude(pk=own.pk)
    return is_taken(name, others.values_list("name", flat=True))


def _free_slug(theirs: FaqCategoryQuerySet, name: str) -> str:
    stem = slugify(search_key(name))[:67].strip("-")
    if stem and not theirs.filter(slug=stem).exists():
        return stem
    return f"{stem}-{uuid7().hex[-12:]}".strip("-")

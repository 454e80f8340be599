"""Storing the FAQs that somebody pasted or uploaded."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from config.text import identity_key
from crm.accounts.permissions import Principal
from knowledge.importing import ImportRow, mark_known
from knowledge.models import Faq, FaqCategory
from knowledge.services.categories import create_category
from knowledge.services.faqs import FaqContent, create_faqs, lock_knowledge


@transaction.atomic
def import_rows(*, by: Principal, rows: Sequence[ImportRow]) -> list[Faq]:
    """Add the rows that can be imported, all or none; categories are found or made by name.

    What is there by now, because somebody else was faster, is not added again.
    """
    lock_knowledge(by.organization_id)
    importable = [row for row in mark_known(rows, by.organization_id) if row.is_importable]
    categories = {
        identity_key(category.name): category.pk
        for category in FaqCategory.objects.of(by.organization_id)
    }
    return create_faqs(
        organization_id=by.organization_id,
        contents=[
            FaqContent(
                question=row.question,
                answer=row.answer,
                language_code=row.language,
                category_id=_category(row.category, categories, by),
            )
            for row in importable
        ],
        by=by,
    )


def _category(name: str, known: dict[str, UUID], by: Principal) -> UUID | None:
    if not name:
        return None
    key = identity_key(name)
    if key not in known:
        made = create_category(organization_id=by.organization_id, name=name, by=by)
        known[key] = made.pk
    return known[key]

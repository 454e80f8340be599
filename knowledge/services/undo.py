"""Undo of deleted FAQs."""

from typing import Any
from uuid import UUID

from django.db import transaction

from crm.core.permissions import Principal
from crm.core.undo.services import record_undoable, register_undo
from knowledge.models import Faq
from knowledge.services.faqs import delete_faq, restore_faq


@transaction.atomic
def delete_faq_undoably(
    *, by: Principal, faq_id: UUID, version: int | None = None
) -> tuple[Faq, UUID | None]:
    """Delete a FAQ. Return it and the id for `undo`."""
    faq = delete_faq(organization_id=by.organization_id, faq_id=faq_id, by=by, version=version)
    return faq, record_undoable(by=by, kind="faq", data={"pk": str(faq.pk)})


def _restore_faq(by: Principal, data: dict[str, Any]) -> None:
    restore_faq(organization_id=by.organization_id, faq_id=UUID(data["pk"]), by=by)


register_undo("faq", _restore_faq)

"""Undo of deleted FAQs."""

from datetime import datetime
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
    faq = delete_faq(by=by, faq_id=faq_id, version=version)
    data = {"pk": str(faq.pk), "deleted_at": str(faq.deleted_at)}
    return faq, record_undoable(by=by, kind="faq", data=data)


def _restore_faq(by: Principal, data: dict[str, Any]) -> None:
    deleted_at = datetime.fromisoformat(data["deleted_at"])
    restore_faq(by=by, faq_id=UUID(data["pk"]), deleted_at=deleted_at)


register_undo("faq", _restore_faq, is_daily_work=True)

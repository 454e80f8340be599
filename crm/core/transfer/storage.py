"""What imports store for an organization, and its bound.

It is counted whole: files, the rows that were read from them, and, of imports that have ended, what
an undo needs, the faulty rows and the reports.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import F, Func, IntegerField, Sum, Value
from django.db.models.functions import Length

from crm.core.database.locks import lock_until_commit
from crm.core.transfer.errors import ImportsFull
from crm.core.transfer.models import Import, ImportPart, ImportState, PartKind

# Bytes of an organization. They are no text of the plan: for that they stay too short a time.
MAX_STORED = 512 * 1024 * 1024
_TEXTS = ("columns", "sample", "preview", "report", "undo_report")


def require_room(organization_id: UUID, size: int) -> None:
    """Raise ImportsFull unless the imports may store so many bytes more.

    Of those who ask at the same moment, one goes on: the others wait for its commit.
    """
    lock_until_commit("imports", organization_id)
    if stored_bytes(organization_id) + size > MAX_STORED:
        raise ImportsFull


def write_parts(found: Import, parts: Sequence[tuple[PartKind, int, Any]]) -> None:
    """Store data of an import by kind and number. Raise ImportsFull."""
    packed = [(kind, number, ImportPart.packed(data)) for kind, number, data in parts]
    store_packed(found, packed)


def store_packed(found: Import, parts: Sequence[tuple[PartKind, int, bytes]]) -> None:
    """Store parts of an import, all or none. Raise ImportsFull."""
    require_room(found.organization_id, sum(len(content) for _kind, _number, content in parts))
    ImportPart.objects.bulk_create(
        ImportPart(
            organization_id=found.organization_id,
            of=found,
            kind=kind,
            number=number,
            content=content,
        )
        for kind, number, content in parts
    )


def stored_bytes(organization_id: UUID) -> int:
    """Return the bytes that imports take; a file that is being uploaded takes what it announced."""
    imports = Import.objects.filter(organization_id=organization_id)
    uploading = imports.filter(state=ImportState.UPLOADING)
    parts = ImportPart.objects.filter(organization_id=organization_id)
    arrived = parts.exclude(of__in=uploading).aggregate(size=Sum(Length("content"), default=0))
    texts = imports.aggregate(size=Sum(sum(map(_stored_size, _TEXTS), start=Value(0)), default=0))
    announced = uploading.aggregate(size=Sum("size", default=0))
    return int(arrived["size"] + texts["size"] + announced["size"])


def _stored_size(column: str) -> Func:
    """Return the bytes of a column as it is stored: nothing is unpacked to be counted."""
    return Func(F(column), function="pg_column_size", output_field=IntegerField())

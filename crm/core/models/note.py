"""Notes that members write on rows of records."""

from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.ids import uuid7
from crm.core.text.fields import LineField, ProseField
from crm.core.versions import VersionedModel, set_null_and_raise_version

NOTE_LENGTH = 5_000


class NoteQuerySet(models.QuerySet["Note"]):
    def of_row(self, *, organization_id: UUID, record: str, row_id: UUID) -> Self:
        return self.filter(organization_id=organization_id, record=record, row_id=row_id)


class Note(VersionedModel):
    """A note on the row ``row_id`` of a record; whoever may see the row sees it.

    ``author_name`` is what its writer was called then, also an API key's, which is no ``author``;
    ``actor`` is the `Principal.actor_id` of that user or key.
    ``orphaned_at`` is when its row was first missed: a deleted row may come back.
    """

    version_ignores: ClassVar[frozenset[str]] = frozenset({"orphaned_at"})

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    record = models.CharField(_("record"), max_length=40, editable=False)
    row_id = models.UUIDField(editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=set_null_and_raise_version,
        null=True,
        related_name="+",
        editable=False,
    )
    actor = models.CharField(max_length=64, default="", editable=False)
    author_name = LineField(max_length=255, editable=False)
    text = ProseField(pgettext_lazy("of a record", "note"), max_length=NOTE_LENGTH)
    created_at = models.DateTimeField(auto_now_add=True)
    edited_at = models.DateTimeField(null=True, editable=False)
    orphaned_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[NoteQuerySet] = NoteQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID
    author_id: UUID | None

    class Meta:
        verbose_name = pgettext_lazy("of a record", "note")
        verbose_name_plural = pgettext_lazy("of a record", "notes")
        indexes = [
            models.Index(
                fields=["organization", "record", "row_id", "-created_at", "-id"],
                name="notes_of_row",
            )
        ]

    def __str__(self) -> str:
        return f"{self.record} · {self.row_id}"

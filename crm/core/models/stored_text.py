"""How many bytes of text each organization has stored, kept by triggers."""

from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import connection, models
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _


class StoredTextQuerySet(models.QuerySet["StoredText"]):
    def bytes_of(self, organization_id: UUID) -> int:
        """Return the bytes of text that an organization has stored."""
        found = self.filter(organization_id=organization_id)
        return int(found.aggregate(total=Sum("size"))["total"] or 0)

    def fold(self) -> int:
        """Add up what there is of one organization and table, and delete what organizations that
        are gone left. Return how many rows that saved.

        Rows that are written meanwhile stay as they are.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH gone AS ("
                ' DELETE FROM "core_storedtext" WHERE (organization_id, source) IN ('
                ' SELECT organization_id, source FROM "core_storedtext"'
                " GROUP BY organization_id, source HAVING count(*) > 1)"
                " RETURNING organization_id, source, size"
                "), kept AS ("
                ' INSERT INTO "core_storedtext" (organization_id, source, size)'
                " SELECT organization_id, source, sum(size) FROM gone"
                ' WHERE organization_id IN (SELECT id FROM "organizations_organization")'
                " GROUP BY organization_id, source HAVING sum(size) <> 0"
                " RETURNING 1)"
                " SELECT (SELECT count(*) FROM gone) - (SELECT count(*) FROM kept)"
            )
            return int(cursor.fetchone()[0])


class StoredText(models.Model):
    """By how many bytes a statement changed the text of an organization's rows of a table.

    Triggers write one for each statement: a counter in one row would make all who write to an
    organization wait for each other. `StoredTextQuerySet.fold` adds them up from time to time.
    """

    database_rights: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")

    # Without a constraint: the triggers of what goes with an organization write one, too.
    organization = models.ForeignKey(
        settings.ORGANIZATION_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    source = models.CharField(max_length=63)
    size = models.BigIntegerField()

    objects: ClassVar[StoredTextQuerySet] = StoredTextQuerySet.as_manager()  # type: ignore[assignment]

    organization_id: UUID

    class Meta:
        verbose_name = _("bytes of stored text")
        verbose_name_plural = _("bytes of stored text")
        indexes = [
            models.Index(fields=["organization", "source"], include=["size"], name="text_by_source")
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} · {self.source}"

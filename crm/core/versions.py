"""Optimistic locking: an edit carries the version of the record that it was made from.

A model that people edit inherits `VersionedModel`. Every save of an existing row checks the version
that the instance was read at and increments it, in one UPDATE, so a stale instance never overwrites
another change. Services that take ``version`` pass it to `check_version` after they lock the row.
"""

from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.db import models
from django.db.models import F
from django.db.models.deletion import SET_NULL, Collector
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from crm.core.errors import AppError, Conflict, Invalid


class EditedMeanwhile(Conflict):
    """The record changed since ``version``; ``current_version`` is the stored one."""

    code = "edited_meanwhile"
    message = gettext_noop(
        "Somebody changed this while you were editing it, so your change was not saved. Compare "
        "both, then save again."
    )


# Said where that was a deletion.
NOT_DELETED = _("Somebody changed this meanwhile. It was not deleted; look again.")


class PreconditionFailed(AppError):
    """The same, for an API request with ``If-Match``."""

    code = "precondition_failed"
    status = 412
    message = gettext_noop(
        "The record is no longer at the version that If-Match names, so nothing was changed. Get "
        "it again and repeat your change on the present version."
    )


class IfMatchInvalid(Invalid):
    code = "if_match_invalid"
    message = gettext_noop(
        "If-Match must be the ETag of one earlier answer, as it stood there, or an asterisk."
    )


class VersionedModel(models.Model):
    """A record with optimistic locking.

    ``version_ignores`` names fields that the application maintains (times of last use, counters): a
    save of only those neither checks nor increments the version.
    """

    version_ignores: ClassVar[frozenset[str]] = frozenset()

    version = models.PositiveBigIntegerField(default=1, editable=False)

    class Meta:
        abstract = True

    def _do_update(  # type: ignore[override]  # the stubs are of a later Django
        self,
        base_qs: "models.QuerySet[Any]",
        using: str | None,
        pk_val: Any,
        values: Collection[tuple[models.Field, Any, Any]],
        update_fields: Iterable[str] | None,
        forced_update: bool,  # noqa: FBT001  Django's signature
    ) -> bool:
        """Extend Django's UPDATE of one row. Raise EditedMeanwhile if the stored
        version differs.
        """
        ignored = {*self.version_ignores, "updated_at", "version"}
        is_edit = update_fields is None or bool(set(update_fields) - ignored)
        parents: Any = super()
        if self._state.adding or not is_edit:
            return bool(
                parents._do_update(base_qs, using, pk_val, values, update_fields, forced_update)
            )
        field = self._meta.get_field("version")
        assert isinstance(field, models.Field)  # noqa: S101  declared above
        raised = [
            *(value for value in values if value[0] is not field),
            (field, None, self.version + 1),
        ]
        if parents._do_update(
            base_qs.filter(version=self.version),
            using,
            pk_val,
            raised,
            update_fields,
            forced_update,
        ):
            self.version += 1
            return True
        present = base_qs.filter(pk=pk_val).values_list("version", flat=True).first()
        if present is None:
            return False
        raise EditedMeanwhile(extra={"version": self.version, "current_version": present})


def raised(model: type[models.Model]) -> dict[str, Any]:
    """Return the values of an UPDATE that also increments the version; empty without one."""
    if not issubclass(model, VersionedModel):
        return {}
    values: dict[str, Any] = {"version": F("version") + 1}
    if any(field.name == "updated_at" for field in model._meta.concrete_fields):
        values["updated_at"] = timezone.now()
    return values


def set_null_and_raise_version(collector: Collector, field: Any, sub_objs: Any, using: str) -> None:
    """Handle ``on_delete`` of a versioned model: set NULL and increment the version."""
    # First: without the key the rows are no longer found.
    for name, value in raised(field.model).items():
        collector.add_field_update(field.model._meta.get_field(name), value, sub_objs)
    SET_NULL(collector, field, sub_objs, using)


set_null_and_raise_version.lazy_sub_objs = True  # type: ignore[attr-defined]  # as Django's own


def check_version(record: VersionedModel, version: int | None) -> None:
    """Raise EditedMeanwhile unless a locked record is at ``version``; None skips the check."""
    if version is not None and record.version != version:
        raise EditedMeanwhile(extra={"version": version, "current_version": record.version})

"""Optimistic locking in the admin.

A page of a row carries the version it was rendered with in a hidden field: the ``version`` of a
`VersionedModel`, else the time of the last change, else a hash of the stored values. A form with
another version is shown again with the stored values; saving that overwrites them.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext as _

from crm.core.forms import ModelForm, keep_stored_choices
from crm.core.text.normalization import isolate
from crm.core.versions import EditedMeanwhile

VERSION = "_version"


def edit_version(row: Model) -> str:
    """Return the version of this row; empty for one that is not stored yet."""
    if row.pk is None or row._state.adding:
        return ""
    version = getattr(row, "version", None) or getattr(row, "updated_at", None)
    if version is None:
        return _digest(row)
    return version.isoformat() if isinstance(version, datetime) else str(version)


def _digest(row: Model) -> str:
    """Return a hash of all editable values, including many-to-many relations."""
    options = row._meta
    stored: dict[str, Any] = {
        field.name: field.value_to_string(row)
        for field in options.concrete_fields
        if field.editable and not field.is_relation
    }
    stored |= {
        field.name: str(field.value_from_object(row))
        for field in options.concrete_fields
        if field.editable and field.is_relation
    }
    stored |= {
        field.name: sorted(str(each.pk) for each in field.value_from_object(row))
        for field in options.many_to_many
    }
    return hashlib.sha256(json.dumps(stored, sort_keys=True, default=str).encode()).hexdigest()


class VersionedForm(ModelForm):
    """Mixin of a row's form. ``sent_version`` is the submitted version, None if missing.

    ``lock_first`` takes what the services of the row lock before the row.
    """

    sent_version: str | None = None
    lock_first: Callable[[Any], None] = staticmethod(lambda _row: None)
    present_version = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keep_stored_choices(self)

    @property
    def has_conflict(self) -> bool:
        return self.sent_version is not None and self.present_version not in ("", self.sent_version)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self._keep_unchanged()
        type(self).lock_first(self.instance)
        # Locked until the change is stored: two at once take turns.
        rows = type(self.instance)._base_manager.select_for_update(of=("self",))
        present = rows.filter(pk=self.instance.pk).first()
        if present is None:
            return cleaned
        self.present_version = edit_version(present)
        if self.has_conflict:
            self.add_error(None, [_(EditedMeanwhile.message), *self._differences(present)])
        return cleaned

    def _keep_unchanged(self) -> None:
        """Keep the exact stored values of unchanged fields; a widget may show less of them."""
        for field in self.instance._meta.concrete_fields:
            name = field.name
            if name not in self.cleaned_data or field.is_relation or name in self.changed_data:
                continue
            self.cleaned_data[name] = field.value_from_object(self.instance)

    def _differences(self, present: Model) -> list[str]:
        """Return, for each field that the edit would overwrite, a sentence with the
        stored value.
        """
        stored = type(self)(instance=present)
        found = []
        for name, field in self.fields.items():
            value = stored.get_initial_for_field(stored.fields[name], name)
            if field.disabled or not field.has_changed(value, self[name].data):
                continue
            params = {"field": field.label or name, "value": isolate(_words(present, name, value))}
            found.append(_("%(field)s: “%(value)s” is stored now.") % params)
        return found


def _words(row: Model, name: str, value: Any) -> str:
    """Return a field's stored value for display."""
    display = getattr(row, f"get_{name}_display", None)
    value = display() if display else getattr(row, name, value)
    if hasattr(value, "all"):
        return ", ".join(map(str, value.all()[:50]))
    return "–" if value in (None, "") else str(value)

"""The form of a record, made from its declared fields, and the form of a saved view."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import Model
from django.utils.translation import gettext_lazy

from crm.core.errors import AppError, Invalid
from crm.core.form_guard.edits import EditForm
from crm.core.forms import Form
from crm.core.models.saved_view import NAME_LENGTH
from crm.core.permissions import Principal
from crm.core.records import Record


class RecordForm(EditForm):
    """A form with a field for each column that ``Record.form`` names."""

    def changed_values(self) -> dict[str, Any]:
        """Return the values of the fields that were changed, of a valid form."""
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def refuse(self, error: AppError) -> int:
        """Add the refusal of a service to the fields that it names; return the HTTP status."""
        errors: Mapping[str, list[str]] = error.extra.get("errors", {})
        named: dict[str, list[str]] = {}
        for name, sentences in errors.items():
            named.setdefault(name if name in self.fields else "", []).extend(sentences)
        if not named:
            field = error.extra.get("field")
            named = {str(field) if field in self.fields else "": [error.message]}
        for name, sentences in named.items():
            for sentence in sentences:
                self.add_error(name or None, sentence)
        return error.status if "" in named and not isinstance(error, Invalid) else 422


def form_of(
    record: Record,
    reader: Principal,
    *,
    row: Model | None = None,
    names: Sequence[str] | None = None,
) -> type[RecordForm]:
    """Return a reader's form class of a record, or of some of its fields, with labels in the
    active language; ``row`` is the row that is edited, which may lack some.
    """
    wanted = names
    if wanted is None:
        lacking = record.lacks(row)
        wanted = [name for name in record.form if name not in lacking]
    fields = {
        name: field.form_field(reader, row) for name in wanted if (field := record.field(name))
    }
    return type(f"{record.slug.title()}Form", (RecordForm,), fields)


class ViewForm(Form):
    """The name of a saved view, and whether others see it."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=NAME_LENGTH)
    is_shared = forms.BooleanField(label=gettext_lazy("Share with everyone"), required=False)

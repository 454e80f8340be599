"""The form of a record, made from its declared fields, and the form of a saved view."""

from functools import cache
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from crm.core.form_guard.edits import EditForm
from crm.core.forms import Form
from crm.core.records import Record, get_record
from crm.organizations.models.saved_view import NAME_LENGTH


class RecordForm(EditForm):
    """A form with a field for each column that ``Record.form`` names."""

    slug: str

    def changed_values(self) -> dict[str, Any]:
        """Return the values of the fields that were changed, of a valid form."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


@cache
def _form_class(slug: str) -> type[RecordForm]:
    record = get_record(slug)
    fields = {name: field.form_field() for name in record.form if (field := record.field(name))}
    return type(f"{slug.title()}Form", (RecordForm,), {**fields, "slug": slug})


def form_of(record: Record) -> type[RecordForm]:
    return _form_class(record.slug)


class ViewForm(Form):
    """The name of a saved view, and whether others see it."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=NAME_LENGTH)
    is_shared = forms.BooleanField(label=gettext_lazy("Share with everyone"), required=False)

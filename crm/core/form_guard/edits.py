"""Edit forms: the version that an edit was made from, and the display of conflicts."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from crm.core.fields import whole_number
from crm.core.form_guard.stamps import VERSION
from crm.core.forms import Form, keep_stored_choices, normalized_value
from crm.core.versions import VersionedModel

_SEVERAL = (forms.MultipleChoiceField, forms.ModelMultipleChoiceField)


def version_of(request: HttpRequest) -> int:
    """Return the version that a form was rendered with.

    A missing or invalid one is 0, which no record has, and causes a conflict: nobody knows what
    such a form was made from.
    """
    return whole_number(request.POST.get(VERSION, "")) or 0


class EditForm(Form):
    """A form that edits a stored record.

    It carries the version of the record and, hidden, its initial values, so that a conflict is
    shown only for fields that both sides changed. The template includes ``_edit_guard.html`` inside
    the form.
    """

    def __init__(self, *args: Any, record: VersionedModel | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keep_stored_choices(self)
        self.record = record
        self.conflicts: list[dict[str, str]] = []
        self.has_conflict = False

    def _clean_fields(self) -> None:
        """Validate the fields, but accept a stored value that was not changed.

        The value may be older than a validation rule, and must not prevent edits of other fields.
        """
        super()._clean_fields()  # type: ignore[misc]
        if self.record is None:
            return
        for name in [each for each in self.errors if each in self.fields]:
            field = self.fields[name]
            stored = self.get_initial_for_field(field, name)
            sent = normalized_value(field, stored) if isinstance(stored, str) else stored
            if stored and not field.has_changed(sent, self[name].data):
                del self.errors[name]
                self.cleaned_data[name] = stored

    @property
    def edited_version(self) -> int | None:
        """Return the version of the record in this rendering of the form."""
        if self.is_bound and not self.has_conflict:
            return whole_number(str(self.data.get(VERSION, "")))
        return self.record.version if self.record is not None else None

    @property
    def hidden_values(self) -> SafeString:
        """Render the initial values as hidden fields, which are submitted with the form.

        An empty multiple value is one empty field, to distinguish it from a missing one.
        """
        return format_html_join(
            "",
            "{}",
            (
                (
                    self[name].as_hidden(only_initial=True)
                    or format_html(
                        '<input type="hidden" name="{}" value="">', self.add_initial_prefix(name)
                    ),
                )
                for name in self.fields
            ),
        )

    def meet(self, record: VersionedModel, theirs: dict[str, Any]) -> None:
        """Merge the submitted values with the stored ones after an edit conflict.

        ``theirs`` are the present values, as the form's ``initial``. Fields that the sender left
        unchanged take the present value. To a field of several values, what the sender added and
        removed is applied. The others keep what was sent and, where the present value was changed
        too, are listed in ``conflicts``. Saving the form again overwrites.
        """
        sent = self.data
        data = sent.copy() if isinstance(sent, QueryDict) else QueryDict(mutable=True)
        self.record, self.has_conflict = record, True
        for name, field in self.fields.items():
            key, initial_key = self.add_prefix(name), self.add_initial_prefix(name)
            mine = _with_normalized_line_ends(
                field.widget.value_from_datadict(sent, self.files, key)
            )
            before = _with_normalized_line_ends(
                field.hidden_widget().value_from_datadict(sent, self.files, initial_key)
            )
            if isinstance(before, list):
                before = [each for each in before if each]
            present = theirs.get(name)
            _put(data, initial_key, _prepared(field, present))
            if not field.has_changed(present, mine):
                continue
            if initial_key in sent and not field.has_changed(_parsed_initial(field, before), mine):
                _put(data, key, _submitted_values(field, present))
                continue
            if initial_key in sent and isinstance(field, _SEVERAL):
                _put(data, key, _merged(before or [], mine or [], _prepared(field, present)))
                continue
            if initial_key in sent and not field.has_changed(present, before):
                # Only the sender changed it.
                continue
            self.conflicts.append(
                {
                    "label": str(field.label or name),
                    "theirs": _display_text(field, present),
                    "mine": _display_text(field, mine),
                    "value": "\n".join(_prepared(field, present)),
                    "id": self[name].id_for_label,
                }
            )
        self.data = data
        # Django keeps each bound field with the data it was made of.
        self.__dict__["_bound_fields_cache"].clear()


def _parsed_initial(field: forms.Field, before: Any) -> Any:
    """Parse a submitted hidden initial value to the type of the field's ``initial``."""
    if isinstance(field, (*_SEVERAL, forms.ModelChoiceField)):
        return before
    try:
        return field.to_python(before)
    except ValidationError:
        return before


def _merged(before: list[str], mine: list[str], present: list[str]) -> list[str]:
    """Return the present values with the sender's additions and without their removals."""
    removed = set(before) - set(mine)
    added = [each for each in mine if each not in before and each not in present]
    return [*(each for each in present if each not in removed), *added]


def _with_normalized_line_ends(value: Any) -> Any:
    """Return a text with normalized line ends."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _prepared(field: forms.Field, value: Any) -> list[str]:
    prepared = field.prepare_value(value)
    several = prepared if isinstance(prepared, list | tuple) else [prepared]
    return ["" if each is None else str(each) for each in several]


def _submitted_values(field: forms.Field, value: Any) -> list[str]:
    """Return what a browser would submit for a value; [] for an unchecked box."""
    if isinstance(field, forms.BooleanField):
        return ["on"] if value else []
    return _prepared(field, value)


def _put(data: QueryDict, key: str, values: list[str]) -> None:
    # What was typed beside another value.
    data.pop(f"{key}-words", None)
    if values:
        data.setlist(key, values)
    else:
        data.pop(key, None)


def _display_text(field: forms.Field, value: Any) -> str:
    """Return a value for display: by the field itself, the labels of choices, or as text."""
    if isinstance(field, forms.BooleanField):
        return gettext("Yes") if field.to_python(value) else gettext("No")
    if shown := getattr(field, "shown_text", None):
        return str(shown(value)) or "–"
    labels = {str(key): str(label) for key, label in getattr(field, "choices", ())}
    return ", ".join(labels.get(each, each) for each in _prepared(field, value) if each) or "–"

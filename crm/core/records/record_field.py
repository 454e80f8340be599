"""A relation to a row of another record: found by its words, not chosen from a list of all."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_lazy

from crm.core.permissions import Principal
from crm.core.records.choice_fields import RelationField, hidden
from crm.core.records.fields import TextField
from crm.core.records.operators import IN, IS, NOT_IN, SET, UNSET
from crm.core.records.record import Record, get_record
from crm.core.text.normalization import normalize_line


class Picker(forms.TextInput):
    """A text field that offers rows by their words; the id of the chosen one is what is sent.

    ``url`` is asked with the words. ``title_of`` names rows by id. Words that belong to no chosen
    row, as of a page whose script is not there yet, are the value: nothing typed is dropped.
    """

    template_name = "records/_picker.html"

    class Media:
        css: ClassVar = {"all": ["records/picker.css"]}
        js: ClassVar = [forms.Script("records/picker.js", type="module")]

    def __init__(self, url: str, title_of: Callable[[str], str]) -> None:
        super().__init__()
        self._url, self._title_of = url, title_of

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        title = self._title_of(value) if value else ""
        is_id = not value or _is_id(value)
        context["widget"] |= {
            "url": self._url,
            "words": self._words_of(name),
            "title": title if is_id else value,
            "value": value if is_id else "",
        }
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        value = data.get(name)
        words = data.get(self._words_of(name))
        if words is None or (not value and not words):
            return value
        words = normalize_line(words)
        is_title = bool(value) and words == normalize_line(self._title_of(value))
        return value if is_title else words

    def _words_of(self, name: str) -> str:
        """Return the name of the visible field."""
        return f"{name}-words"

    def _render(self, template_name: str, context: dict[str, Any], renderer: Any = None) -> Any:
        # The renderer of forms knows no templates but those of its library.
        return render_to_string(template_name, context)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Picker":
        return type(self)(self._url, self._title_of)


def _is_id(value: Any) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


class PickerFormField(forms.UUIDField):
    default_error_messages = {"invalid": gettext_lazy("Choose one of those that are offered.")}

    def __init__(self, field: "RecordField", reader: Principal, **options: Any) -> None:
        self._field, self._reader = field, reader
        picker = Picker(field.options_url, self.shown_text)
        super().__init__(**options, widget=picker)

    def clean(self, value: Any) -> UUID | None:
        found: UUID | None = super().clean(value)
        if found is not None and not self._rows(found).exists():
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return str(initial or "") != str(data or "")

    def _rows(self, pk: Any) -> Any:
        return self._field.visible_to(self._reader).filter(pk=pk)

    def shown_text(self, value: Any) -> str:
        """Return the title of a row, as far as the reader may see it."""
        if not _is_id(value):
            return str(value or "")
        row = self._rows(value).first()
        return str(getattr(row, self._field.title)) if row is not None else hidden()

    def __deepcopy__(self, memo: dict[int, Any]) -> "PickerFormField":
        made = super().__deepcopy__(memo)
        # The widget names rows by what the reader of this very field may see.
        made.widget = Picker(self._field.options_url, made.shown_text)
        return made


@dataclass(frozen=True, kw_only=True)
class RecordField(RelationField):
    """A relation to a row of the record ``record``, of which there may be any number."""

    operators = (
        replace(IN, takes="record"),
        replace(NOT_IN, takes="record"),
        UNSET,
        SET,
    )
    record: str

    @property
    def of(self) -> Record:
        return get_record(self.record)

    @property
    def options_url(self) -> str:
        return self.of.reverse("options")

    def choices_for(self, reader: Principal, **within: Any) -> list[tuple[str, str]]:
        return []

    def form_field(self, reader: Principal, row: Model | None = None) -> forms.Field:
        options = self._form_options()
        if row is not None and self.is_hidden_in(row):
            # Left as it is, it counts as unchanged.
            options |= {"required": False, "help_text": gettext("Now: %s") % hidden()}
        return PickerFormField(self, reader, **options)

    def look_up(
        self,
        reader: Principal,
        names: Collection[str],
    ) -> Callable[[str, Mapping[str, Any]], Sequence[UUID]]:
        """Return a function that finds rows which the reader may see by their name, or by what
        tells them apart in imports; with ``folded``, by their name alone.
        """
        if self.folded:
            return super().look_up(reader, names)
        found: dict[str, Sequence[UUID]] = {}

        def find(name: str, _values: Mapping[str, Any]) -> Sequence[UUID]:
            if name not in found:
                found[name] = self._named(reader, name)
            return found[name]

        return find

    def _stored_form(self, name: str, text: str) -> str:
        """Return a text as a column of the other record stores it: an address in small letters."""
        field = self.of.field(name)
        try:
            return str(field.column.to_python(text)) if field is not None else text
        except ValidationError:
            return text

    def _named(self, reader: Principal, name: str) -> Sequence[UUID]:
        rows = self.visible_to(reader)
        for key in self.of.import_keys:
            value = self._stored_form(key.field, name)
            wanted = key.text_of({key.field: value})
            near = key.candidates(rows, [value])[:100] if wanted else ()
            same = [row.pk for row in near if key.text_of_row(row) == wanted]
            if same:
                return same
        title = next((each for each in self.of.fields if isinstance(each, TextField)), None)
        if title is None or not title.folded:
            return []
        return list(rows.filter(title.q(IS, [name], reader)).values_list("pk", flat=True)[:2])

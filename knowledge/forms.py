"""Forms of knowledge."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.form_guard.edits import EditForm
from crm.core.forms import Form, SearchField
from crm.organizations.models import Language
from knowledge.importing import MAX_BYTES, UnreadableFile, decode_file
from knowledge.models import ANSWER_LENGTH, NAME_LENGTH, QUESTION_LENGTH, Faq, FaqCategory
from knowledge.services import FaqContent


class CategoryChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.local_name)


class FaqForm(EditForm):
    """The fields of ``FaqContent``."""

    question = forms.CharField(
        label=_("Question"),
        max_length=QUESTION_LENGTH,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
        help_text=_("As a customer would ask it."),
    )
    answer = forms.CharField(
        label=_("Answer"),
        max_length=ANSWER_LENGTH,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 7}),
        help_text=_("The bot says exactly this."),
    )
    language_code = forms.ChoiceField(
        label=_("Language"),
        choices=Language.choices,
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    category = CategoryChoiceField(
        label=_("Category"),
        queryset=FaqCategory.objects.none(),
        required=False,
        empty_label=_("No category"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    phrasings = forms.CharField(
        label=_("Other ways to ask it"),
        required=False,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 4}),
        help_text=_("One a line. Each one makes the answer easier to find."),
    )
    key = forms.CharField(
        label=_("Key"),
        required=False,
        max_length=80,
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocomplete": "off", "spellcheck": "false"}
        ),
        help_text=_(
            "FAQs with the same key say the same in different languages. "
            "Leave it empty to have one made."
        ),
    )
    is_published = forms.BooleanField(
        label=_("Published"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
        help_text=_("The bot uses it, and it stands on your public help page."),
    )

    def __init__(self, *args: Any, organization_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        categories = FaqCategory.objects.of(organization_id).in_order()
        self.fields["category"].queryset = categories  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, faq: Faq) -> dict[str, Any]:
        return {
            "question": faq.question,
            "answer": faq.answer,
            "language_code": faq.language_code,
            "category": faq.category_id,
            "phrasings": "\n".join(faq.phrasings),
            "key": faq.key,
            "is_published": faq.is_published,
        }

    def content(self) -> FaqContent:
        """Return the content of a valid form."""
        given = self.cleaned_data
        return FaqContent(
            question=given["question"],
            answer=given["answer"],
            language_code=given["language_code"],
            key=given["key"],
            category_id=given["category"].pk if given["category"] else None,
            phrasings=tuple(given["phrasings"].splitlines()),
            is_published=given["is_published"],
        )

    def refuse(self, errors: dict[str, list[str]]) -> None:
        """Add the service's errors to their fields."""
        for field, sentences in errors.items():
            for sentence in sentences:
                self.add_error(field if field in self.fields else None, sentence)


class FilterForm(Form):
    """Filters of the list; an invalid value does not filter."""

    STATES = (
        ("", _("Any state")),
        ("published", _("Published")),
        ("hidden", _("Hidden")),
        ("waiting", _("Not yet searchable")),
        ("deleted", _("Deleted")),
    )

    q = SearchField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(
            attrs={"class": "form-control", "type": "search", "placeholder": _("Search FAQs")}
        ),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        choices=[("", _("Any language")), *Language.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    category = CategoryChoiceField(
        label=_("Category"),
        required=False,
        queryset=FaqCategory.objects.none(),
        empty_label=_("Any category"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=STATES,
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    def __init__(self, *args: Any, organization_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        categories = FaqCategory.objects.of(organization_id).in_order()
        self.fields["category"].queryset = categories  # type: ignore[attr-defined]


class AskForm(Form):
    question = forms.CharField(
        label=_("Ask as a customer would"),
        max_length=QUESTION_LENGTH,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )


class ImportForm(Form):
    """A text with many FAQs, typed or uploaded; ``text`` is its content in both cases.

    Both at once are refused: one of them would be lost.
    """

    text = forms.CharField(
        label=_("Questions and answers"),
        required=False,
        strip=False,
        max_length=MAX_BYTES,
        widget=forms.Textarea(
            attrs={"class": "form-control", "rows": 12, "spellcheck": "false", "dir": "auto"}
        ),
    )
    file = forms.FileField(
        label=_("Or a file"),
        required=False,
        widget=forms.FileInput(
            attrs={"class": "form-control", "accept": ".csv,.tsv,.txt,text/csv,text/plain"}
        ),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if file := given.get("file"):
            if given.get("text", "").strip():
                self.add_error(
                    "file",
                    _("There is text in the field as well. Import one first, then the other."),
                )
            elif file.size > MAX_BYTES:
                self.add_error("file", _("The file is too large. Import it in several parts."))
            else:
                try:
                    given["text"] = decode_file(file.read())
                except UnreadableFile as error:
                    self.add_error("file", str(error))
        if not self.errors and not given.get("text", "").strip():
            self.add_error("text", _("Paste your questions and answers here, or choose a file."))
        return given


class CategoryForm(EditForm):
    """A category: its name, and fields ``name-<language>`` for the localized ones."""

    name = forms.CharField(
        label=pgettext_lazy("thing", "Name"),
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )

    def __init__(self, *args: Any, category: FaqCategory | None = None, **kwargs: Any) -> None:
        if category is not None:
            kwargs |= {
                "initial": self.initial_of(category),
                "auto_id": f"id_%s_{category.pk}",
                "record": category,
            }
        super().__init__(*args, **kwargs)
        for language, label in Language.choices:
            self.fields[f"name-{language}"] = forms.CharField(
                label=label,
                required=False,
                max_length=NAME_LENGTH,
                widget=forms.TextInput(
                    attrs={"class": "form-control", "lang": language, "dir": "auto"}
                ),
            )

    @staticmethod
    def initial_of(category: FaqCategory) -> dict[str, str]:
        names = {f"name-{language}": name for language, name in category.names.items()}
        return {"name": category.name, **names}

    @property
    def local_fields(self) -> list[forms.BoundField]:
        return [self[f"name-{language}"] for language in Language.values]

    @property
    def has_local_names(self) -> bool:
        return any(field.value() or field.errors for field in self.local_fields)

    def names(self) -> dict[str, str]:
        """Return the localized names of a valid form."""
        return {language: self.cleaned_data[f"name-{language}"] for language in Language.values}

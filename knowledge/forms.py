"""Forms of knowledge."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.form_guard.edits import EditForm
from crm.core.forms import Form
from crm.organizations.models import Language
from knowledge.models import NAME_LENGTH, QUESTION_LENGTH, FaqCategory


class AskForm(Form):
    question = forms.CharField(
        label=_("Ask as a customer would"),
        max_length=QUESTION_LENGTH,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )


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

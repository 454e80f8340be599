"""Forms of widgets."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from chat.domains import InvalidDomains, normalize_domains
from chat.models import DEFAULT_COLOR, Widget
from chat.widget_texts import MAX_SUGGESTIONS, TEXT_LENGTHS
from crm.core.form_guard.edits import EditForm
from crm.core.forms import Form
from crm.core.text.domains import display_domain
from crm.organizations.models import Language

_TEXT_LABELS = {
    "title": _("Title"),
    "greeting": _("Welcome message"),
    "suggestions": _("Suggested questions"),
    "placeholder": _("Hint in the message field"),
    "offline": _("When nobody of the team is online"),
}
# One for all languages, or one for each; the other texts have one for each.
_BOT = "bot_name"
_LINES = {"greeting": 3, "suggestions": 3, "offline": 2}


class DomainsField(forms.CharField):
    """Domains, one per line; errors are reported by line."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Allowed domains"),
            required=False,
            max_length=20_000,
            widget=forms.Textarea(
                attrs={
                    "class": "form-control",
                    "rows": 3,
                    "spellcheck": "false",
                    "autocapitalize": "none",
                    "placeholder": "shop.example",
                }
            ),
            help_text=_(
                "One a line; a pasted address will do. shop.example stands for www.shop.example "
                "as well, *.shop.example for every other name below it."
            ),
        )

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        try:
            return normalize_domains(text.splitlines())
        except InvalidDomains as error:
            raise ValidationError(error.errors) from error


class NewWidgetForm(Form):
    """The required fields of a new widget: name and domain."""

    name = forms.CharField(
        label=_("Name of the site"),
        max_length=100,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "organization"}),
        error_messages={"required": _("Enter the name of the site.")},
        help_text=_("Visitors see it at the top of the chat until you set a title."),
    )
    allowed_domains = DomainsField()

    def values(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class WidgetForm(EditForm, NewWidgetForm):
    """All settings of a widget; texts are fields ``<language>-<name>``."""

    color = forms.RegexField(
        regex=r"^#[0-9A-Fa-f]{6}$",
        label=_("Colour"),
        initial=DEFAULT_COLOR,
        widget=forms.TextInput(attrs={"type": "color", "class": "form-control form-control-color"}),
        error_messages={"invalid": _("Choose a colour, as #8a4b2a.")},
    )
    position = forms.ChoiceField(
        label=_("Position"),
        choices=[("right", _("Bottom right")), ("left", _("Bottom left"))],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    bot_name = forms.CharField(
        label=_("Name of the bot"),
        required=False,
        max_length=TEXT_LENGTHS["bot_name"],
        widget=forms.TextInput(attrs={"class": "form-control", "dir": "auto"}),
        help_text=_("In every language, unless you name it differently below."),
    )
    bot_enabled = forms.BooleanField(
        label=_("The bot answers first"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
        help_text=_("It hands over to your team what it does not know."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for language in Language.values:
            for name, label in _TEXT_LABELS.items():
                self.fields[f"{language}-{name}"] = _text_field(name, label, language)
        for language, label in Language.choices:
            self.fields[f"{language}-{_BOT}"] = _text_field(_BOT, label, language)

    @staticmethod
    def initial_of(widget: Widget) -> dict[str, Any]:
        bot_name = widget.text(_BOT, widget.organization.language_code)
        texts = {
            f"{language}-{name}": text
            for language, named in widget.texts.items()
            for name, text in named.items()
            if (name, text) != (_BOT, bot_name)
        }
        return {
            "name": widget.name,
            "allowed_domains": "\n".join(display_domain(each) for each in widget.allowed_domains),
            "color": widget.color.lower(),
            "position": widget.position,
            "bot_enabled": widget.bot_enabled,
            "bot_name": bot_name,
            **texts,
        }

    def values(self) -> dict[str, Any]:
        given = dict(self.cleaned_data)
        bot_name = given.pop(_BOT)
        texts = {
            language: {
                **{name: given.pop(f"{language}-{name}") for name in _TEXT_LABELS},
                _BOT: given.pop(f"{language}-{_BOT}") or self._common_name(bot_name, language),
            }
            for language in Language.values
        }
        return {**given, "texts": texts}

    def _common_name(self, bot_name: str, language: str) -> str:
        """Return the bot's name in a language whose field is empty; the stored one, or none, where
        neither field was changed.
        """
        if self.record is None or {_BOT, f"{language}-{_BOT}"} & set(self.changed_data):
            return bot_name
        texts: dict[str, dict[str, str]] = self.record.texts  # type: ignore[attr-defined]  # a widget
        return texts.get(language, {}).get(_BOT, "")

    def bot_names(self) -> dict[str, Any]:
        """Return the fields of the bot's names by language, and whether one is filled
        or invalid.
        """
        fields = [self[f"{language}-{_BOT}"] for language in Language.values]
        return {"fields": fields, "is_open": any(each.value() or each.errors for each in fields)}

    def text_groups(self) -> list[dict[str, Any]]:
        """Return the fields of the texts by language, and whether one of them is invalid."""
        return [
            {
                "code": code,
                "name": label,
                "fields": (fields := [self[f"{code}-{name}"] for name in _TEXT_LABELS]),
                "has_errors": any(field.errors for field in fields),
            }
            for code, label in Language.choices
        ]


def _text_field(name: str, label: Any, language: str) -> forms.CharField:
    attributes = {"class": "form-control", "lang": language, "data-text": name, "dir": "auto"}
    widget: forms.Widget = (
        forms.Textarea(attrs={**attributes, "rows": _LINES[name]})
        if name in _LINES
        else forms.TextInput(attrs=attributes)
    )
    return forms.CharField(
        label=label,
        required=False,
        max_length=TEXT_LENGTHS[name],
        widget=widget,
        help_text=(
            _("At most %(count)d, one a line. Visitors click them instead of typing.")
            % {"count": MAX_SUGGESTIONS}
            if name == "suggestions"
            else ""
        ),
    )

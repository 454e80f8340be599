"""The texts of a widget that its owner may change, by language."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from crm.core.text.by_language import ByLanguageField, check_languages, check_text
from crm.core.text.normalization import normalize, normalize_line

# The most characters of each.
TEXT_LENGTHS = {
    "title": 60,
    "greeting": 500,
    "placeholder": 100,
    "offline": 300,
    "bot_name": 40,
    "suggestions": 600,
}
# All others are of one line.
TEXTS_OF_LINES = frozenset({"greeting", "offline", "suggestions"})
# A name is the same in all languages; a sentence of another one would be read by nobody.
TEXTS_OF_ALL_LANGUAGES = frozenset({"bot_name"})
LONGEST_TEXT = max(TEXT_LENGTHS.values())
MAX_SUGGESTIONS = 6


def validate_texts(texts: Any) -> None:
    """Raise ValidationError unless it is ``{language: {name: text}}`` of known names
    and lengths.
    """
    check_languages(texts)
    for language, named in texts.items():
        if not isinstance(named, dict):
            raise ValidationError(_("Texts are given by language: {language: {name: text}}."))
        for name, text in named.items():
            _validate_text(language, name, text)


def _validate_text(language: str, name: str, text: Any) -> None:
    if name not in TEXT_LENGTHS:
        raise ValidationError(
            _("There is no text “%(name)s”. There are: %(names)s.")
            % {"name": str(name)[:35], "names": ", ".join(TEXT_LENGTHS)}
        )
    check_text(text)
    if len(text) > TEXT_LENGTHS[name]:
        raise ValidationError(
            _("%(name)s (%(language)s): at most %(count)d characters.")
            % {"name": name, "language": language, "count": TEXT_LENGTHS[name]}
        )
    if name == "suggestions" and len(suggested_questions(text)) > MAX_SUGGESTIONS:
        raise ValidationError(
            _("At most %(count)d suggested questions, one a line.") % {"count": MAX_SUGGESTIONS}
        )


def suggested_questions(text: str) -> list[str]:
    """Return the questions, one a line; blank lines are ignored."""
    return [line for line in normalize(text).split("\n") if line.strip()]


class WidgetTextsField(ByLanguageField):
    """``{language: {name: text}}``; cleaning normalizes the texts."""

    member_type = dict

    def clean(self, value: Any, model_instance: Model | None) -> Any:
        return clean_texts(super().clean(value, model_instance))


def clean_texts(texts: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return the texts trimmed and without empty ones: an empty text means the default."""
    cleaned = {}
    for language, named in texts.items():
        kept = {
            name: normalize(text) if name in TEXTS_OF_LINES else normalize_line(text)
            for name, text in named.items()
        }
        if "suggestions" in kept:
            kept["suggestions"] = "\n".join(suggested_questions(kept["suggestions"]))
        if kept := {name: text for name, text in kept.items() if text}:
            cleaned[language] = kept
    return cleaned

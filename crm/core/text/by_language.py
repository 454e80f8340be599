"""JSON fields that map languages to texts: the model field and its validators."""

import unicodedata
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _


def check_languages(value: Any) -> None:
    """Raise ValidationError unless it is an object whose keys are configured languages."""
    if not isinstance(value, dict):
        raise ValidationError(_("Texts are given by language, as {language: text}."))
    known = [code for code, _name in settings.LANGUAGES]
    for language in value:
        if language not in known:
            raise ValidationError(
                _("“%(language)s” is not a language here. There are: %(languages)s.")
                % {"language": str(language)[:35], "languages": ", ".join(known)}
            )


def check_text(text: Any, *, max_length: int | None = None) -> None:
    """Raise ValidationError unless it is a storable text of at most ``max_length`` characters."""
    if not isinstance(text, str):
        raise ValidationError(_("Texts are given by language, as {language: text}."))
    if "\x00" in text or any(unicodedata.category(character) == "Cs" for character in text):
        raise ValidationError(_("A text holds characters that cannot be shown."))
    if max_length is not None and len(text) > max_length:
        raise ValidationError(_("At most %(count)d characters.") % {"count": max_length})


class ByLanguageField(models.JSONField):
    """JSON object with one member per language, each of ``member_type``.

    Only ``{}`` counts as empty: Django skips validation of null, ``[]`` and ``""``. Members of
    another type are dropped when a row is read. Migrations see Django's JSONField.
    """

    empty_values = [{}]
    member_type: ClassVar[type] = str

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        return super().clean({} if value is None else value, model_instance)

    def validate(self, value: Any, model_instance: Any) -> None:
        super().validate(value, model_instance)
        check_languages(value)
        for language, member in value.items():
            self.check_member(language, member)

    def check_member(self, language: str, member: Any) -> None:
        """Raise ValidationError if the member is invalid; overridden by subclasses."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        read = super().from_db_value(value, expression, connection)
        if not isinstance(expression, models.expressions.Col):
            return read
        members = read.items() if isinstance(read, dict) else ()
        return {name: member for name, member in members if isinstance(member, self.member_type)}

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

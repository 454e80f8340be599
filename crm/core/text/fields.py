"""Model fields of user-supplied text, normalized for storing and look-ups.

They normalize a value in the same way for INSERT, UPDATE and every look-up, so that no entry point
(page, API, admin, import, command) can store or compare anything else. Migrations see Django's own
fields.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from crm.core.text.addresses import normalize_email
from crm.core.text.domains import InvalidDomain, normalize_host
from crm.core.text.normalization import normalize, normalize_key, normalize_line
from crm.core.text.phones import PHONE, normalize_phone

_Base: Any = models.Field if TYPE_CHECKING else object


class _NormalizedText(_Base):
    """Mixin of a field: ``form_of`` normalizes a text for storing."""

    form_of: ClassVar[Any]
    django_path: ClassVar[str]

    def get_prep_value(self, value: Any) -> Any:
        return self._form(super().get_prep_value(value))

    def to_python(self, value: Any) -> Any:
        return self._form(super().to_python(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001  Django's
        value = self._form(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, self.django_path, args, kwargs

    def _form(self, value: Any) -> Any:
        return self.form_of(value) if isinstance(value, str) else value


class LineField(_NormalizedText, models.CharField):
    """Text in one line: a name, a title."""

    form_of = staticmethod(normalize_line)
    django_path = "django.db.models.CharField"


class PhoneField(_NormalizedText, models.CharField):
    """A phone number: digits, blanks and the signs people put between them."""

    default_validators = [
        RegexValidator(PHONE, _("Write the number with digits: +84 24 1234 5678."), "invalid")
    ]
    form_of = staticmethod(normalize_phone)
    django_path = "django.db.models.CharField"


class KeyField(_NormalizedText, models.SlugField):
    """A key that people write: letters, digits and hyphens, in lower case."""

    default_validators = [
        RegexValidator(
            r"^[-a-zA-Z0-9_]+\Z",
            _("Write only the letters a to z, digits, hyphens and underscores."),
            "invalid",
        )
    ]
    form_of = staticmethod(normalize_key)
    django_path = "django.db.models.SlugField"


class ShortProseField(_NormalizedText, models.CharField):
    """A few lines of bounded length: a reason, a remark."""

    form_of = staticmethod(normalize)
    django_path = "django.db.models.CharField"


class ProseField(_NormalizedText, models.TextField):
    """Text of several lines."""

    form_of = staticmethod(normalize)
    django_path = "django.db.models.TextField"


class AddressField(_NormalizedText, models.EmailField):
    """An email address, normalized for comparison."""

    form_of = staticmethod(normalize_email)
    django_path = "django.db.models.EmailField"


def validate_host(value: str) -> None:
    try:
        normalize_host(value)
    except InvalidDomain as error:
        raise ValidationError(str(error), "invalid") from error


def host_form(value: str) -> str:
    """Return the host name that a text names; one that names none is left for the validator."""
    try:
        return normalize_host(value)
    except InvalidDomain:
        return normalize_line(value)


class DomainField(_NormalizedText, models.CharField):
    """The host name of a site, without scheme, path and ``www.``, in punycode."""

    default_validators = [validate_host]
    form_of = staticmethod(host_form)
    django_path = "django.db.models.CharField"

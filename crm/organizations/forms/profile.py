"""Forms of the profile and the organization."""

from functools import cache

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.form_guard.edits import EditForm
from crm.core.forms import PhoneField
from crm.core.money import currency_choices
from crm.core.timezones import zone_names
from crm.organizations.models import Language


@cache
def timezone_choices() -> list[tuple[str, str]]:
    """Return the time zones to choose from: by region and city, and UTC."""
    names = sorted(name for name in zone_names() if "/" in name)
    shown = [name for name in names if not name.startswith(("Etc/", "SystemV/", "US/", "posix/"))]
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in shown)]


class ZoneField(forms.ChoiceField):
    """A time zone; obsolete names are valid too, because a browser may report one."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Time zone"),
            choices=timezone_choices,
            widget=forms.Select(attrs={"class": "form-select"}),
        )

    def valid_value(self, value: str) -> bool:
        return value in zone_names() or super().valid_value(value)


class LanguageField(forms.ChoiceField):
    def __init__(self) -> None:
        super().__init__(
            label=_("Language"),
            choices=Language.choices,
            widget=forms.Select(attrs={"class": "form-select"}),
        )


class ProfileForm(EditForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "name"}),
    )
    phone = PhoneField(
        label=_("Phone"),
        max_length=50,
        required=False,
        widget=forms.TextInput(
            attrs={"class": "form-control", "type": "tel", "autocomplete": "tel"}
        ),
        error_messages={"invalid": _("Write the number with digits: +84 24 1234 5678.")},
    )
    language_code = LanguageField()
    timezone = ZoneField()


class OrganizationForm(EditForm):
    name = forms.CharField(
        label=pgettext_lazy("thing", "Name"),
        max_length=255,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "organization"}),
    )
    language_code = LanguageField()
    timezone = ZoneField()
    currency = forms.ChoiceField(
        label=_("Currency"),
        choices=currency_choices,
        help_text=_("Totals are shown in it, and new deals begin with it."),
        widget=forms.Select(attrs={"class": "form-select"}),
    )

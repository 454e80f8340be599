"""What people fill in about themselves."""

from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from config.forms import Form
from crm.accounts.models import Language


class LogInForm(Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=255,
        widget=forms.EmailInput(
            attrs={"class": "form-control", "autocomplete": "username", "autofocus": True}
        ),
        error_messages={"required": _("Enter your e-mail address.")},
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(
            attrs={"class": "form-control", "autocomplete": "current-password"}
        ),
        error_messages={"required": _("Enter your password.")},
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class LanguageForm(Form):
    language = forms.ChoiceField(choices=Language.choices)
    next = forms.CharField(required=False)


class TimezoneForm(Form):
    timezone = forms.ChoiceField(choices=lambda: [(name, name) for name in available_timezones()])
    next = forms.CharField(required=False)


class SwitchForm(Form):
    organization = forms.UUIDField()

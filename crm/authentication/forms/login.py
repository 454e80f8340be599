"""Forms of log-in, languages and time zones."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.core.forms import EmailInput, Form
from crm.core.timezones import zone_names
from crm.organizations.models import Language


class TargetField(forms.CharField):
    """The redirect target. An invalid one counts as empty and does not invalidate the form.

    It is checked as submitted (``crm.core.http.redirects``), without normalization.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, strip=False, **options)

    def clean(self, value: Any) -> str:
        try:
            return str(super().clean(value))
        except forms.ValidationError:
            return ""


class LogInForm(Form):
    email = forms.EmailField(
        label=_("Email address"),
        max_length=255,
        widget=EmailInput(
            attrs={"class": "form-control", "autocomplete": "username", "autofocus": True}
        ),
        error_messages={"required": _("Enter your email address.")},
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
    next = TargetField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.initial.get("email"):
            # The password is what is left to write.
            del self.fields["email"].widget.attrs["autofocus"]
            self.fields["password"].widget.attrs["autofocus"] = True


class LanguageForm(Form):
    language = forms.ChoiceField(choices=Language.choices)
    next = TargetField()


class TimezoneForm(Form):
    timezone = forms.ChoiceField(choices=lambda: [(name, name) for name in zone_names()])
    next = TargetField()


class SwitchForm(Form):
    organization = forms.UUIDField()

"""Forms of notification settings."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from chat.models import AlertSettings
from crm.core.form_guard.edits import EditForm


def _checkbox() -> forms.CheckboxInput:
    return forms.CheckboxInput(attrs={"class": "form-check-input"})


def _delays() -> list[tuple[int, str]]:
    return [
        (number, ngettext("%(number)d minute", "%(number)d minutes", number) % {"number": number})
        for number in AlertSettings.DELAYS
    ]


class AlertSettingsForm(EditForm):
    sound = forms.BooleanField(
        label=_("Play a sound when a customer writes"),
        required=False,
        widget=_checkbox(),
        help_text=_("Only one of your open tabs plays it, and none while you are looking."),
    )
    desktop = forms.BooleanField(
        label=_("Show desktop notifications"),
        required=False,
        widget=_checkbox(),
        help_text=_("While the inbox is open in a tab that you are not looking at."),
    )
    email = forms.BooleanField(
        label=_("Send me an email when I have not looked"),
        required=False,
        widget=_checkbox(),
        help_text=_("About conversations that are assigned to you. Several are told together."),
    )
    email_after_minutes = forms.TypedChoiceField(
        label=_("Email after"),
        choices=_delays,
        coerce=int,
        widget=forms.Select(attrs={"class": "form-select"}),
    )

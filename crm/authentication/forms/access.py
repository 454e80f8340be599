"""Forms of API keys and log-in rules."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.authentication.models.session import (
    DEFAULT_IDLE_MINUTES,
    DEFAULT_SESSION_HOURS,
    MAX_SESSION_HOURS,
)
from crm.core.form_guard.edits import EditForm
from crm.core.forms import Form
from crm.core.permissions import SCOPES, Principal, scopes_of

_HOUR = 60
_DAY = 24 * _HOUR


class ApiKeyForm(Form):
    """``scopes`` are limited to those of the creator."""

    name = forms.CharField(
        label=pgettext_lazy("thing", "Name"),
        max_length=100,
        help_text=_("What it is for: “Web shop”, “Nightly report”."),
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    lifetime = forms.TypedChoiceField(
        label=_("Expires"),
        coerce=int,
        choices=[
            (30, _("in 30 days")),
            (90, _("in 90 days")),
            (365, _("in a year")),
            (0, _("never")),
        ],
        initial=365,
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        error_messages={"required": _("Choose at least one thing that the key may do.")},
    )

    def __init__(self, *args: Any, principal: Principal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = frozenset(scopes_of(principal.rights))

    def expires_at(self) -> datetime | None:
        days: int = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(days=days) if days else None


class LogInRulesForm(EditForm):
    session_hours = forms.TypedChoiceField(
        label=_("Log in again after"),
        coerce=int,
        choices=[
            (8, _("8 hours")),
            (24, _("1 day")),
            (7 * 24, _("7 days")),
            (DEFAULT_SESSION_HOURS, _("14 days")),
            (MAX_SESSION_HOURS, _("30 days")),
        ],
        help_text=_("However much somebody works meanwhile."),
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    idle_minutes = forms.TypedChoiceField(
        label=_("Log out when idle for"),
        coerce=int,
        choices=[
            (15, _("15 minutes")),
            (30, _("30 minutes")),
            (_HOUR, _("1 hour")),
            (8 * _HOUR, _("8 hours")),
            (_DAY, _("1 day")),
            (DEFAULT_IDLE_MINUTES, _("7 days")),
        ],
        help_text=_("Exact to a minute. Reading alone is not noticed: loading and writing is."),
        widget=forms.Select(attrs={"class": "form-select"}),
    )

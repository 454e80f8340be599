"""Forms of the audit page."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.authentication.models import ApiKey
from crm.compliance.filters import Filters, object_key
from crm.compliance.presentation import ACTIONS, KINDS, title_of
from crm.compliance.services.legal_holds import subjects_named
from crm.core.forms import Form
from crm.core.permissions import Principal
from crm.core.transfer.formats import Format
from crm.organizations.models import Membership

MAX_CHOICES = 200
# Days that have a day before and one after, in every time zone.
DAYS = [MinValueValidator(date(1970, 1, 2)), MaxValueValidator(date(9998, 12, 30))]


class AuditFilterForm(Form):
    """All fields are optional; days are those of the reader's time zone."""

    actor = forms.ChoiceField(label=_("Who"), required=False)
    object_type = forms.ChoiceField(label=_("What kind of thing"), required=False)
    action = forms.ChoiceField(label=_("What happened"), required=False)
    object_id = forms.CharField(label=_("Id of the thing"), required=False, max_length=64)
    since = forms.DateField(label=pgettext_lazy("day", "From"), required=False, validators=DAYS)
    until = forms.DateField(label=pgettext_lazy("day", "To"), required=False, validators=DAYS)

    def __init__(self, *args: Any, by: Principal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everything = ("", _("All"))
        self._choices("actor", [everything, *_actors(by)])
        kinds = sorted(((key, str(label)) for key, label in KINDS.items()), key=lambda k: k[1])
        self._choices("object_type", [everything, *kinds])
        self._choices("action", [everything, *_actions()])
        for name in ("actor", "object_type", "action"):
            self.fields[name].widget.attrs["class"] = "form-select"
        self.fields["object_id"].widget.attrs["class"] = "form-control"
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateInput(
                attrs={"type": "date", "class": "form-control"}, format="%Y-%m-%d"
            )

    def filters(self) -> Filters:
        """Return the filters, without invalid ones."""
        if not self.is_bound:
            return Filters()
        self.is_valid()
        asked = self.cleaned_data
        return Filters(
            actor=asked.get("actor", ""),
            action=asked.get("action", ""),
            object_type=asked.get("object_type", ""),
            object_id=object_key(asked.get("object_id", "")),
            since=_begin(asked["since"]) if asked.get("since") else None,
            until=_begin(asked["until"] + timedelta(days=1)) if asked.get("until") else None,
        )

    def _choices(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above, for mypy
        field.choices = choices


class ExportForm(Form):
    format = forms.ChoiceField(choices=Format.choices)


class HoldForm(Form):
    """The subject and reason of a hold; `clean` sets ``subject``."""

    kind = forms.ChoiceField(
        label=_("What is kept"),
        choices=[
            ("organization", _("Everything of this organization")),
            ("customer", _("What is about one customer")),
            ("user", _("What is about one member")),
        ],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    who = forms.CharField(
        label=_("Email address or id"),
        required=False,
        max_length=255,
        help_text=_("Of the customer or the member."),
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("Which case, and who decided."),
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
        error_messages={"required": _("Say why.")},
    )

    def __init__(self, *args: Any, by: Principal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        kind, who = cleaned.get("kind"), cleaned.get("who", "")
        cleaned["subject"] = ""
        if kind in {"customer", "user"}:
            found = subjects_named(kind, who, by=self.by) if who else []
            if len(found) == 1:
                cleaned["subject"] = found[0]
            elif found:
                self.add_error("who", _("Several customers have this address. Enter the id."))
            else:
                self.add_error("who", _("There is nobody like that here."))
        return cleaned


class LiftForm(Form):
    reason = forms.CharField(max_length=500)


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _actors(by: Principal) -> list[tuple[str, str]]:
    members = (
        Membership.objects.in_organization(by.organization_id)
        .select_related("user")
        .order_by("user__name")[:MAX_CHOICES]
    )
    keys = ApiKey.objects.of(by.organization_id).order_by("name")[:MAX_CHOICES]
    return [
        *((str(each.user_id), each.user.name or each.user.email) for each in members),
        *((str(key.pk), key.name) for key in keys),
    ]


def _actions() -> list[tuple[str, str]]:
    usual = [f"{kind}.{word}" for kind in KINDS for word in ("created", "updated", "deleted")]
    never = {
        f"{kind}.{word}"
        for kind in ("session", "tokens", "audit", "export", "import", "import_undo", "legal_hold")
        for word in ("created", "updated", "deleted")
    }
    actions = [*(each for each in usual if each not in never), *ACTIONS]
    return sorted(((each, title_of(each)) for each in actions), key=lambda each: each[1])

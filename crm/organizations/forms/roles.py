"""Forms of roles and teams."""

from typing import Any

from django import forms
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from crm.core.form_guard.edits import EditForm
from crm.core.forms import Form
from crm.core.permissions import LEVELS, READ, WRITE, Action, Grant, Level, Module, Rights
from crm.organizations.models import CustomRole, Membership, Team
from crm.organizations.services.teams import MAX_MEMBERS

NAME_LENGTH = 60
MEMBERS_SHOWN = 500


class NameField(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label=pgettext_lazy("thing", "Name"),
            max_length=NAME_LENGTH,
            widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
        )


class NewRoleForm(Form):
    name = NameField()
    copied_from = forms.ChoiceField(
        label=_("Copied from"), widget=forms.Select(attrs={"class": "form-select"})
    )

    def __init__(self, *args: Any, sources: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["copied_from"].choices = sources  # type: ignore[attr-defined]


class RoleForm(EditForm):
    """A row for each area: the read level and the write level.

    Levels above those of ``limit`` are not offered; the service rejects them too.
    """

    name = NameField()

    def __init__(self, *args: Any, limit: Rights, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for area in Module:
            for action in (READ, WRITE):
                self.fields[f"{area}_{action}"] = forms.ChoiceField(
                    label=_level_label(area, action),
                    choices=[
                        (level.key, level.label)
                        for level in LEVELS[area]
                        if level <= limit.level(area, action)
                    ],
                    widget=forms.Select(attrs={"class": "form-select"}),
                )

    @staticmethod
    def initial_of(role: CustomRole) -> dict[str, Any]:
        levels = {
            f"{area}_{action}": role.rights.level(area, action).key
            for area in Module
            for action in (READ, WRITE)
        }
        return {"name": role.name, **levels}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for area in Module:
            read, write = (Level.of(cleaned.get(f"{area}_{each}", "")) for each in (READ, WRITE))
            if write > read:
                self.add_error(
                    f"{area}_{WRITE}", _("Nobody changes what they cannot see. See more first.")
                )
        return cleaned

    def rights(self) -> Rights:
        return Rights(
            {
                area: Grant(
                    read=Level.of(self.cleaned_data[f"{area}_{READ}"]),
                    write=Level.of(self.cleaned_data[f"{area}_{WRITE}"]),
                )
                for area in Module
            }
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return the fields as rows of the table."""
        return [
            {"area": area, "read": self[f"{area}_{READ}"], "write": self[f"{area}_{WRITE}"]}
            for area in Module
        ]


def _level_label(area: Module, action: Action) -> str:
    word = pgettext("matrix", "Sees") if action == READ else pgettext("matrix", "Changes")
    return f"{area.label}: {word}"


class _Members(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{_named(obj)} · {obj.role_name}"


class _Lead(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return _named(obj)


def _named(member: Membership) -> str:
    name = member.user.name
    if member.is_suspended:
        return gettext("%(name)s (account switched off)") % {"name": name}
    return name


class TeamForm(EditForm):
    name = NameField()

    def __init__(self, *args: Any, organization_id: Any, team: Team | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = Membership.objects.active().in_organization(organization_id)
        if team is not None:
            # Whose account is deactivated keeps the seat until somebody takes it away.
            people = people | Membership.objects.in_organization(organization_id).filter(
                seats__team=team
            )
        people = (
            people.select_related("user", "custom_role").distinct().order_by("user__name", "pk")
        )
        self.fields["lead"] = _Lead(
            label=_("Lead"),
            queryset=people,
            required=False,
            empty_label=_("Nobody"),
            widget=forms.Select(attrs={"class": "form-select"}),
            help_text=_("Sees everything that is assigned to the team's members."),
        )
        self.fields["members"] = _Members(
            label=_("Members"),
            queryset=people,
            required=False,
            widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        )

    def clean_members(self) -> Any:
        members = self.cleaned_data["members"]
        if len(members) > MAX_MEMBERS:
            raise forms.ValidationError(
                _("A team can have %(count)d members."), params={"count": MAX_MEMBERS}
            )
        return members

    @staticmethod
    def initial_of(team: Team) -> dict[str, Any]:
        return {
            "name": team.name,
            "lead": team.lead_id,
            "members": list(team.seats.values_list("membership_id", flat=True)),
        }

    def content(self) -> dict[str, Any]:
        """Return the arguments of the services."""
        lead = self.cleaned_data["lead"]
        return {
            "name": self.cleaned_data["name"],
            "lead_id": lead.pk if lead else None,
            "member_ids": [member.pk for member in self.cleaned_data["members"]],
        }

"""Forms of invitations, roles and deactivation."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.core.forms import EmailInput, Form, SearchField
from crm.core.permissions import Principal
from crm.organizations.models import Membership, Role, Team
from crm.organizations.services.members import successors_of
from crm.organizations.services.roles import grantable_roles

MAX_SUCCESSORS = 500


class FindForm(Form):
    q = SearchField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(
            attrs={
                "class": "form-control",
                "type": "search",
                "placeholder": _("Name or email address"),
            }
        ),
    )


class InviteForm(Form):
    """``role`` is the key of a role that the inviting member may grant."""

    email = forms.EmailField(
        label=_("Email address"),
        max_length=255,
        widget=EmailInput(attrs={"class": "form-control", "autocomplete": "off"}),
        error_messages={"required": _("Enter an email address.")},
    )
    role = forms.ChoiceField(
        label=_("Role"), widget=forms.Select(attrs={"class": "form-select"}), initial=Role.AGENT
    )
    team = forms.ModelChoiceField(
        label=_("Team"),
        queryset=Team.objects.none(),
        required=False,
        empty_label=_("No team"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    def __init__(self, *args: Any, by: Principal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = grantable_roles(by)  # type: ignore[attr-defined]
        teams = Team.objects.of(by.organization_id).by_name()
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]


class DeactivateForm(Form):
    """Choose who takes over a member's open conversations; ``successor`` is a member's
    id or empty.
    """

    successor = forms.TypedChoiceField(
        label=_("Their open conversations go to"),
        coerce=UUID,
        empty_value=None,
        required=False,
        widget=forms.Select(attrs={"class": "form-select"}),
        help_text=_("Closed conversations stay as they are."),
    )

    def __init__(self, *args: Any, membership: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        colleagues = [
            (str(each.pk), each.user.name) for each in successors_of(membership)[:MAX_SUCCESSORS]
        ]
        self.fields["successor"].choices = [  # type: ignore[attr-defined]
            ("", _("Nobody (unassigned)")),
            *colleagues,
        ]


class RoleForm(Form):
    role = forms.CharField(max_length=64)

"""Impersonation in the admin: starting one, and the list of past ones."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.authentication.models import Impersonation, ImpersonationEndReason
from crm.authentication.services.impersonation import (
    PERMISSION,
    SESSION_KEY,
    SHORTEST_REASON,
    end_impersonation,
    start_impersonation,
)
from crm.authentication.services.sessions import RECORD_KEY
from crm.core.admin.admin_actions import AdminAction, AdminActionForm
from crm.core.admin.model_admin import ReadOnlyAdmin
from crm.core.admin.navigation import Menu, Section
from crm.organizations.admin import MembershipAdmin
from crm.organizations.models import Membership, User


class ReasonForm(AdminActionForm):
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Such as the number of a request. The organization reads it in its audit."),
        min_length=SHORTEST_REASON,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    may_change = forms.BooleanField(
        label=_("I have to change something, not only to look"), required=False
    )


class PersonForm(ReasonForm):
    """Started from a user's page, the form asks for the organization."""

    membership = forms.ChoiceField(label=_("Organization"))
    field_order = ("membership", "reason", "may_change")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        theirs = Membership.objects.of(self.row).active()[:100]
        field: Any = self.fields["membership"]
        field.choices = [(str(each.pk), str(each.organization)) for each in theirs]


def _as_member(request: HttpRequest, row: Membership, form: forms.Form) -> HttpResponse:
    return _begin(request, row.pk, form)


def _as_person(request: HttpRequest, row: User, form: forms.Form) -> HttpResponse:
    return _begin(request, UUID(form.cleaned_data["membership"]), form)


def _begin(request: HttpRequest, membership_id: UUID, form: forms.Form) -> HttpResponse:
    impersonation = start_impersonation(
        operator=cast(User, request.user),
        login=UUID(request.session[RECORD_KEY]),
        membership_id=membership_id,
        reason=form.cleaned_data["reason"],
        may_change=form.cleaned_data["may_change"],
    )
    request.session[SESSION_KEY] = str(impersonation.pk)
    return redirect(settings.LOGIN_REDIRECT_URL)


_ASKS: dict[str, Any] = {
    "name": "impersonate",
    "title": _("See the application as them"),
    "asks": _("You see what they see, in this organization, until you stop or the time is over."),
    "icon": "visibility",
    "permission": PERMISSION,
    "consequences": (
        _("The organization's audit names you, them and the reason."),
        _("Whatever is changed is told with both names."),
        _("Messages cannot be sent in their name; password, address, keys and roles are closed."),
    ),
}


def _is_no_operator(user: User) -> bool:
    return user.is_active and not (user.is_staff or user.is_superuser)


AS_MEMBER = AdminAction(
    run=_as_member,
    form_class=ReasonForm,
    fits=lambda row: row.is_active and row.organization.is_active and _is_no_operator(row.user),
    **_ASKS,
)
AS_PERSON = AdminAction(run=_as_person, form_class=PersonForm, fits=_is_no_operator, **_ASKS)
MembershipAdmin.admin_actions = [AS_MEMBER, *MembershipAdmin.admin_actions]


def _stop(request: HttpRequest, row: Impersonation, form: forms.Form) -> str:
    end_impersonation(impersonation=row, because=ImpersonationEndReason.STOPPED)
    return gettext("It has ended, and its sockets are closed.")


@admin.register(Impersonation)
class ImpersonationAdmin(ReadOnlyAdmin):
    menu = Menu(Section.EVIDENCE, "visibility", rank=20)
    list_display = ["started_at", "operator", "user", "organization", "may_change", "ended_at"]
    list_filter = ["may_change", "ended_because"]
    list_select_related = ["operator", "user", "organization"]
    search_fields = ["operator__search_text", "user__search_text", "organization__name", "reason"]
    ordering = ["-started_at"]
    fields = [
        "operator",
        "user",
        "organization",
        "reason",
        "may_change",
        "started_at",
        "ends_at",
        "ended_at",
        "ended_because",
    ]
    admin_actions = [
        AdminAction(
            name="stop",
            title=_("End it"),
            asks=_("The operator is themselves again, at once."),
            run=_stop,
            icon="visibility_off",
            is_grave=True,
            permission="authentication.change_impersonation",
            fits=lambda row: row.ended_at is None,
        )
    ]

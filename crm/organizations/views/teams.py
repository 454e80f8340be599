"""Pages of teams."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.core.errors import AppError
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once, once_adding
from crm.core.permissions import WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.core.undo.services import offer_undo
from crm.core.versions import NOT_DELETED, EditedMeanwhile
from crm.organizations.access import membership_of
from crm.organizations.errors import TeamNotFound
from crm.organizations.forms.roles import TeamForm
from crm.organizations.models import Membership, Team
from crm.organizations.services.teams import MAX_TEAMS, create_team, delete_team, edit_team

PAGE = {"active_section": "settings", "active_page": "teams"}


@never_cache
@member_required
@require_safe
def teams(request: HttpRequest) -> HttpResponse:
    membership = membership_of(request)
    require(membership, Module.SETTINGS)
    found = Team.objects.of(membership.organization_id).select_related("lead__user").by_name()
    context = {
        **PAGE,
        "teams": found.annotate(count=Count("seats"))[:MAX_TEAMS],
        "may_change": membership.may(Module.SETTINGS, WRITE),
    }
    return render(request, "organizations/teams.html", context)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once_adding
def new_team(request: HttpRequest) -> HttpResponse:
    membership = membership_of(request)
    require(membership, Module.SETTINGS, WRITE)
    return _form_page(request, membership, None)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def team(request: HttpRequest, team_id: UUID) -> HttpResponse:
    """Render a team and change its name, lead and members."""
    membership = membership_of(request)
    require(membership, Module.SETTINGS)
    if request.method == "POST":
        require(membership, Module.SETTINGS, WRITE)
    shown = Team.objects.of(membership.organization_id).filter(pk=team_id).first()
    if shown is None:
        raise TeamNotFound
    return _form_page(request, membership, shown)


def _form_page(request: HttpRequest, membership: Membership, shown: Team | None) -> HttpResponse:
    form = TeamForm(
        request.POST or None,
        initial=TeamForm.initial_of(shown) if shown else {},
        organization_id=membership.organization_id,
        team=shown,
        record=shown,
    )
    may_change = membership.may(Module.SETTINGS, WRITE)
    if not may_change:
        for field in form.fields.values():
            field.disabled = True
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                if shown:
                    edit_team(
                        by=membership,
                        team_id=shown.pk,
                        version=version_of(request),
                        **form.content(),
                    )
                else:
                    create_team(by=membership, **form.content())
            except EditedMeanwhile as refusal:
                shown = Team.objects.of(membership.organization_id).get(pk=shown.pk)  # type: ignore[union-attr]  # only an edit
                form.meet(shown, TeamForm.initial_of(shown))
                status = refusal.status
            except AppError as refusal:
                form.add_error(None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, _("Saved. It holds from now on."))
                return redirect("organizations:teams")
    context: dict[str, Any] = {**PAGE, "form": form, "team": shown, "may_change": may_change}
    return render(request, "organizations/team.html", context, status=status)


@require_POST
@member_required
def delete(request: HttpRequest, team_id: UUID) -> HttpResponse:
    try:
        action_id = delete_team(
            by=membership_of(request), team_id=team_id, version=version_of(request)
        )
    except EditedMeanwhile:
        messages.error(request, NOT_DELETED)
        return redirect("organizations:team", team_id)
    offer_undo(request, _("The team is gone. Its members are still there."), action_id)
    return redirect("organizations:teams")

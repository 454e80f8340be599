"""Pages of members: list, roles, invitations, deactivation, leaving."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.errors import AppError
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions import WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.core.text.normalization import isolate
from crm.core.undo.services import offer_undo
from crm.core.versions import EditedMeanwhile
from crm.organizations.access import membership_of
from crm.organizations.errors import MemberNotFound
from crm.organizations.forms.members import DeactivateForm, FindForm, InviteForm, RoleForm
from crm.organizations.models import Invitation, Membership
from crm.organizations.services.invitations import (
    MAX_OPEN,
    invite,
    resend_invitation,
    revoke_invitation,
)
from crm.organizations.services.members import (
    deactivate_member,
    leave_organization,
    reactivate_member,
)
from crm.organizations.services.roles import change_role, grantable_roles

PAGE = {"active_section": "settings", "active_page": "members"}
SHOWN = 50


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def members(request: HttpRequest) -> HttpResponse:
    """Render the members; a POST invites an address."""
    membership = membership_of(request)
    require(membership, Module.SETTINGS)
    may_change = membership.may(Module.SETTINGS, WRITE)
    form, status = None, 200
    if request.method == "POST":
        require(membership, Module.SETTINGS, WRITE)
        form = InviteForm(request.POST, by=membership)
        status = _invite(request, membership, form)
        if status == 200:
            return redirect("organizations:members")
    elif may_change:
        form = InviteForm(by=membership)
    find = FindForm(request.GET)
    find.is_valid()
    wanted = find.cleaned_data.get("q", "")
    shown = _page_of_members(membership, wanted, request.GET.get("after"))
    waiting = Invitation.objects.of(membership.organization_id).open().newest_first()
    context: dict[str, Any] = {
        **PAGE,
        "form": form,
        "find": find,
        "wanted": wanted,
        "members": shown[:SHOWN],
        "next": _next_page(shown, wanted),
        "invitations": waiting[:MAX_OPEN] if may_change else [],
        "may_change": may_change,
        "roles": grantable_roles(membership) if may_change else [],
    }
    return render(request, "organizations/members.html", context, status=status)


@member_required
@require_POST
@once
def set_role(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    form = RoleForm(request.POST)
    form.is_valid()
    key = form.cleaned_data.get("role", "")
    by = membership_of(request)
    try:
        change_role(by=by, membership_id=membership_id, key=key, version=version_of(request))
    except EditedMeanwhile:
        messages.error(request, _role_conflict(by, membership_id, key))
    except AppError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Saved."))
    return redirect("organizations:members")


def _role_conflict(by: Membership, membership_id: UUID, key: str) -> str:
    theirs = Membership.objects.in_organization(by.organization_id).in_order()
    present = theirs.filter(pk=membership_id).first()
    if present is None:
        return MemberNotFound().message
    wanted = dict(grantable_roles(by)).get(key, key)
    return _(
        "The role of %(name)s was changed meanwhile: it is “%(present)s” now. “%(wanted)s” was "
        "not saved. Choose again if it is still right."
    ) % {
        "name": isolate(present.user.name),
        "present": isolate(present.role_name),
        "wanted": isolate(wanted),
    }


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
def deactivate(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Ask for the successor of a member; a POST deactivates the member."""
    by = membership_of(request)
    require(by, Module.SETTINGS, WRITE)
    theirs = Membership.objects.in_organization(by.organization_id).in_order()
    leaving = theirs.filter(pk=membership_id).first()
    if leaving is None:
        raise MemberNotFound
    form = DeactivateForm(request.POST if request.method == "POST" else None, membership=leaving)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        context = {**PAGE, "leaving": leaving, "form": form}
        return render(request, "organizations/deactivate.html", context, status=status)
    return _do(
        request,
        lambda: deactivate_member(
            by=by, membership_id=membership_id, successor_id=form.cleaned_data["successor"]
        ),
        _("They can no longer come in. Their open conversations are being handed over."),
    )


@member_required
@require_POST
def reactivate(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    by = membership_of(request)
    return _do(
        request,
        lambda: reactivate_member(by=by, membership_id=membership_id),
        _("They can come in again."),
    )


@member_required
@require_POST
@once
def resend(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    by = membership_of(request)
    return _do(
        request,
        lambda: resend_invitation(
            by=by, invitation_id=invitation_id, address_of=_link_maker(request)
        ),
        _("The invitation was sent again; the link before no longer works."),
    )


@member_required
@require_POST
def revoke(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    try:
        action_id = revoke_invitation(by=membership_of(request), invitation_id=invitation_id)
    except AppError as refusal:
        messages.error(request, refusal.message)
    else:
        offer_undo(request, _("The invitation was revoked."), action_id)
    return redirect("organizations:members")


@member_required
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Leave the organization that this session runs as."""
    membership = membership_of(request)
    try:
        leave_organization(membership_id=membership.pk)
    except AppError as refusal:
        messages.error(request, refusal.message)
        return redirect("organizations:organization")
    messages.success(
        request, _("You left %(name)s.") % {"name": isolate(membership.organization.name)}
    )
    return redirect("organizations:profile")


def _invite(request: HttpRequest, by: Membership, form: InviteForm) -> int:
    if not form.is_valid():
        return 400
    team = form.cleaned_data["team"]
    try:
        invitation = invite(
            by=by,
            email=form.cleaned_data["email"],
            role=form.cleaned_data["role"],
            team_id=team.pk if team else None,
            address_of=_link_maker(request),
        )
    except AppError as refusal:
        form.add_error(None, refusal.message)
        return refusal.status
    messages.success(
        request,
        _("An invitation is on its way to %(email)s.") % {"email": isolate(invitation.email)},
    )
    return 200


def _link_maker(request: HttpRequest) -> Callable[[str], str]:
    return lambda token: request.build_absolute_uri(reverse("authentication:join", args=[token]))


def _do(request: HttpRequest, act: Callable[[], object], said: str) -> HttpResponse:
    try:
        act()
    except AppError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, said)
    return redirect("organizations:members")


def _page_of_members(membership: Membership, wanted: str, after: str | None) -> list[Membership]:
    found = Membership.objects.in_organization(membership.organization_id).in_order()
    if wanted:
        found = found.named_like(wanted)
    if after:
        try:
            found = found.after(UUID(after))
        except ValueError:
            return []
    return list(found[: SHOWN + 1])


def _next_page(shown: list[Membership], wanted: str) -> str:
    if len(shown) <= SHOWN:
        return ""
    query = {"after": str(shown[SHOWN - 1].pk)} | ({"q": wanted} if wanted else {})
    return f"{reverse('organizations:members')}?{urlencode(query)}"

"""Pages of built-in and custom roles."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.errors import AppError
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions import READ, WRITE, Module, Rights, may_grant, require
from crm.core.permissions.requests import member_required
from crm.core.undo.services import offer_undo
from crm.core.versions import NOT_DELETED, EditedMeanwhile
from crm.organizations.access import membership_of
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.errors import RoleNotFound
from crm.organizations.forms.roles import NewRoleForm, RoleForm
from crm.organizations.models import CustomRole, Membership, Role
from crm.organizations.services.roles import (
    MAX_ROLES,
    create_role,
    delete_role,
    edit_role,
    grantable_roles,
)

PAGE = {"active_section": "settings", "active_page": "roles"}


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def roles(request: HttpRequest) -> HttpResponse:
    """Render every role with its number of members, and copy one."""
    membership = membership_of(request)
    require(membership, Module.SETTINGS)
    # An owner is an owner: that role cannot be copied.
    sources = [(key, name) for key, name in grantable_roles(membership) if key != Role.OWNER]
    form = NewRoleForm(request.POST or None, sources=sources)
    status = 200
    if request.method == "POST":
        require(membership, Module.SETTINGS, WRITE)
        status = 422
        if form.is_valid():
            try:
                role = create_role(by=membership, **form.cleaned_data)
            except AppError as refusal:
                form.add_error(None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, _("Saved. Now set what the role may do."))
                return redirect("organizations:role", key=str(role.pk))
    return render(
        request, "organizations/roles.html", _roles_context(membership, form), status=status
    )


def _roles_context(membership: Membership, form: NewRoleForm) -> dict[str, Any]:
    here = Membership.objects.belonging().in_organization(membership.organization_id)
    built_in = dict(
        here.filter(custom_role__isnull=True)
        .values_list("role")
        .annotate(count=Count("pk"))
        .order_by()
    )
    holders = Count("memberships", filter=Q(memberships__in=here))
    custom = CustomRole.objects.of(membership.organization_id).annotate(count=holders).by_name()
    return {
        **PAGE,
        "form": form,
        "built_in": [
            {"key": str(role), "name": role.label, "count": built_in.get(str(role), 0)}
            for role in Role
        ],
        "custom": custom[:MAX_ROLES],
        "may_change": membership.may(Module.SETTINGS, WRITE),
    }


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def role(request: HttpRequest, key: str) -> HttpResponse:
    """Render a role's permissions; a custom role can be edited here."""
    membership = membership_of(request)
    require(membership, Module.SETTINGS)
    if key in Role.values:
        return render(request, "organizations/role.html", _built_in_context(Role(key)))
    shown = _custom_role(membership, key)
    may_change = membership.may(Module.SETTINGS, WRITE) and may_grant(membership, shown.rights)
    form = RoleForm(
        request.POST or None,
        initial=RoleForm.initial_of(shown),
        limit=membership.rights,
        record=shown,
    )
    status = 200
    if request.method == "POST":
        require(membership, Module.SETTINGS, WRITE)
        status = 422
        if form.is_valid():
            try:
                edit_role(
                    by=membership,
                    role_id=shown.pk,
                    version=version_of(request),
                    name=form.cleaned_data["name"],
                    rights=form.rights(),
                )
            except EditedMeanwhile as refusal:
                shown = _custom_role(membership, key)
                form.meet(shown, RoleForm.initial_of(shown))
                status = refusal.status
            except AppError as refusal:
                form.add_error(None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, _("Saved. It holds from now on."))
                return redirect("organizations:roles")
    context = {
        **PAGE,
        "role": shown,
        "name": shown.name,
        "form": form if may_change else None,
        "rows": form.rows() if may_change else table_of(shown.rights),
        "base": shown.get_base_display(),
        "in_use": shown.memberships.count(),
    }
    return render(request, "organizations/role.html", context, status=status)


def _built_in_context(shown: Role) -> dict[str, Any]:
    return {**PAGE, "role": None, "name": shown.label, "rows": table_of(BUILT_IN[shown])}


def table_of(rights: Rights) -> list[dict[str, Any]]:
    """Return permissions as rows of the read-only table."""
    return [
        {"area": area, "read": rights.level(area, READ), "write": rights.level(area, WRITE)}
        for area in Module
    ]


def _custom_role(membership: Membership, key: str) -> CustomRole:
    try:
        return CustomRole.objects.of(membership.organization_id).get(pk=UUID(key))
    except (ValueError, CustomRole.DoesNotExist):
        raise RoleNotFound from None


@require_POST
@member_required
def delete(request: HttpRequest, role_id: UUID) -> HttpResponse:
    try:
        action_id = delete_role(
            by=membership_of(request), role_id=role_id, version=version_of(request)
        )
    except EditedMeanwhile:
        messages.error(request, NOT_DELETED)
        return redirect("organizations:role", key=str(role_id))
    except AppError as refusal:
        if refusal.status != 409:
            raise
        messages.error(request, refusal.message)
        return redirect("organizations:role", key=str(role_id))
    offer_undo(request, _("The role is gone."), action_id)
    return redirect("organizations:roles")

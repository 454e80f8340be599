"""The settings' index, the profile, and the organization's general page."""

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.core.errors import AppError, InvalidField
from crm.core.form_guard.edits import version_of
from crm.core.form_guard.idempotency import once
from crm.core.permissions import WRITE, Module, require
from crm.core.permissions.requests import member_required
from crm.core.versions import EditedMeanwhile
from crm.organizations.access import membership_of
from crm.organizations.forms.profile import OrganizationForm, ProfileForm
from crm.organizations.models import User
from crm.organizations.preferences import remember_language
from crm.organizations.services.members import update_profile
from crm.organizations.services.organizations import set_second_factor_rule, update_organization


@never_cache
@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "organizations/settings/index.html", {"active_section": "settings"})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Render and change one's own profile; also without an organization."""
    user = cast(User, request.user)
    form = ProfileForm(
        request.POST or None, initial=_values(user, ProfileForm.base_fields), record=user
    )
    if request.method == "POST" and form.is_valid():
        try:
            changed = update_profile(
                user_id=user.pk, version=version_of(request), **form.cleaned_data
            )
        except EditedMeanwhile as refusal:
            user.refresh_from_db()
            if _values(user, form.fields) == form.cleaned_data:
                # The same form for the second time.
                return _profile_saved(request, user)
            form.meet(user, _values(user, form.fields))
            return _profile_page(request, form, status=refusal.status)
        return _profile_saved(request, changed)
    return _profile_page(request, form, status=400 if form.is_bound else 200)


def _profile_saved(request: HttpRequest, user: User) -> HttpResponse:
    with override(user.language_code):
        messages.success(request, _("Saved."))
    response = redirect("organizations:profile")
    remember_language(response, user.language_code)
    return response


def _profile_page(request: HttpRequest, form: ProfileForm, *, status: int) -> HttpResponse:
    context = {"active_section": "settings", "active_page": "profile", "form": form}
    return render(request, "organizations/profile.html", context, status=status)


def _values(record: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
@once
def organization(request: HttpRequest) -> HttpResponse:
    membership = membership_of(request)
    own = membership.organization
    form = OrganizationForm(
        request.POST or None, initial=_values(own, OrganizationForm.base_fields), record=own
    )
    status = 400 if form.is_bound else 200
    if request.method == "POST":
        require(membership, Module.SETTINGS, WRITE)
        if form.is_valid():
            try:
                update_organization(
                    organization_id=own.pk, version=version_of(request), **form.cleaned_data
                )
            except EditedMeanwhile as refusal:
                own.refresh_from_db()
                form.meet(own, _values(own, form.fields))
                status = refusal.status
            except InvalidField as refusal:
                form.add_error(refusal.extra["field"], refusal.message)
            else:
                messages.success(request, _("Saved."))
                return redirect("organizations:organization")
    context = {
        "active_section": "settings",
        "active_page": "organization",
        "form": form,
        "may_change": membership.may(Module.SETTINGS, WRITE),
    }
    return render(request, "organizations/organization.html", context, status=status)


@member_required
@require_POST
def second_factor_rule(request: HttpRequest) -> HttpResponse:
    """Set whether the organization requires a second factor."""
    membership = membership_of(request)
    is_required = request.POST.get("required") == "yes"
    try:
        set_second_factor_rule(by=membership, is_required=is_required)
    except AppError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Saved."))
    return redirect("organizations:organization")

"""The settings' first page, one's profile, and the organization's general page."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from config.errors import AppError
from crm.accounts.access import member_required, membership_of
from crm.accounts.forms.profile import OrganizationForm, ProfileForm
from crm.accounts.languages import remember_language
from crm.accounts.models import User
from crm.accounts.permissions import WRITE, Area, require
from crm.accounts.services import set_second_factor_rule, update_organization, update_profile


@never_cache
@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "settings/index.html", {"active_section": "settings"})


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and change what one says about oneself; also without an organization."""
    user = cast(User, request.user)
    fields = {name: getattr(user, name) for name in ProfileForm.base_fields}
    form = ProfileForm(request.POST or None, initial=fields)
    if request.method == "POST" and form.is_valid():
        changed = update_profile(user_id=user.pk, **form.cleaned_data)
        with override(changed.language_code):
            messages.success(request, _("Saved."))
        response = redirect("accounts:profile")
        remember_language(response, changed.language_code)
        return response
    context = {"active_section": "settings", "active_page": "profile", "form": form}
    return render(request, "settings/profile.html", context, status=400 if form.is_bound else 200)


@never_cache
@member_required
@require_http_methods(["GET", "HEAD", "POST"])
def organization(request: HttpRequest) -> HttpResponse:
    membership = membership_of(request)
    own = membership.organization
    fields = {name: getattr(own, name) for name in OrganizationForm.base_fields}
    form = OrganizationForm(request.POST or None, initial=fields)
    if request.method == "POST":
        require(membership, Area.SETTINGS, WRITE)
        if form.is_valid():
            update_organization(organization_id=own.pk, **form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("accounts:organization")
    context = {
        "active_section": "settings",
        "active_page": "organization",
        "form": form,
        "may_change": membership.may(Area.SETTINGS, WRITE),
    }
    status = 400 if form.is_bound else 200
    return render(request, "settings/organization.html", context, status=status)


@member_required
@require_POST
def second_factor_rule(request: HttpRequest) -> HttpResponse:
    """Switch on or off that everybody here needs a second factor."""
    membership = membership_of(request)
    is_required = request.POST.get("required") == "yes"
    try:
        set_second_factor_rule(by=membership, is_required=is_required)
    except AppError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Saved."))
    return redirect("accounts:organization")

"""Pages of authentication and switching organizations."""

from typing import cast

from allauth.mfa.webauthn.views import login_webauthn
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.authentication.allauth.profiles import count_beginning
from crm.authentication.allauth.stages import confirmed_address
from crm.authentication.forms.login import LanguageForm, LogInForm, SwitchForm, TimezoneForm
from crm.authentication.impersonation import impersonated_by
from crm.authentication.log_in import log_in, log_out
from crm.authentication.models import Impersonation, ImpersonationEndReason
from crm.authentication.principals import session_granted_at
from crm.authentication.services.impersonation import SESSION_KEY as IMPERSONATION_KEY
from crm.authentication.services.impersonation import end_impersonation
from crm.authentication.services.sessions import move_session
from crm.core import tenancy
from crm.core.errors import AppError, Invalid
from crm.core.form_guard.anonymous import once_for_anyone
from crm.core.form_guard.sent_forms import refill_of
from crm.core.http.redirects import local_target
from crm.core.text.normalization import isolate
from crm.organizations.errors import OrganizationNotYours
from crm.organizations.models import Membership, User
from crm.organizations.preferences import remember_language
from crm.organizations.services.members import SESSION_KEY, update_profile


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@once_for_anyone
def log_in_page(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated and request.method != "POST":
        return HttpResponseRedirect(_own_address(request, request.GET.get("next")))
    if request.method != "POST":
        confirmed = {"email": confirmed_address(request)}
        form = LogInForm(
            initial={"next": request.GET.get("next", "")} | confirmed | refill_of(request)
        )
        return render(request, "authentication/log_in.html", {"form": form})
    form = LogInForm(request.POST)
    if not form.is_valid():
        return render(request, "authentication/log_in.html", {"form": form}, status=400)
    try:
        return log_in(
            request,
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password"],
            target=_own_address(request, form.cleaned_data["next"]),
        )
    except AppError as refusal:
        form.add_error(None, refusal.message)
        response = render(
            request, "authentication/log_in.html", {"form": form}, status=refusal.status
        )
        if wait := refusal.extra.get("retry_after"):
            response["Retry-After"] = str(wait)
        return response


def log_in_by_passkey(request: HttpRequest) -> HttpResponse:
    """Begin or finish a log-in by a passkey; how often an address may begin is limited."""
    if request.method != "POST":
        count_beginning(request)
    response: HttpResponse = login_webauthn(request)
    return response


@require_POST
def log_out_now(request: HttpRequest) -> HttpResponse:
    log_out(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@login_required
@require_safe
def no_organization(request: HttpRequest) -> HttpResponse:
    """Explain to a user without a membership what to do; redirect all others.

    A user who was reactivated since the log-in logs in again.
    """
    if getattr(request, "membership", None):
        return redirect(settings.LOGIN_REDIRECT_URL)
    user = cast(User, request.user)
    with tenancy.person(user.pk):
        again = Membership.objects.of(user).active().first()
    if again is not None:
        return _log_in_anew(request, again)
    return render(request, "authentication/no_organization.html", status=403)


@login_required
@require_POST
def switch_organization(request: HttpRequest) -> HttpResponse:
    """Switch this session to another of one's own memberships."""
    user = cast(User, request.user)
    form = SwitchForm(request.POST)
    if not form.is_valid():
        raise OrganizationNotYours
    granted_at = session_granted_at(request.session, user)
    with tenancy.person(user.pk):
        chosen = (
            Membership.objects.of(user)
            .active()
            .filter(organization_id=form.cleaned_data["organization"])
            .first()
        )
    if chosen is None:
        raise OrganizationNotYours
    if not chosen.admits(granted_at):
        return _log_in_anew(request, chosen)
    request.session[SESSION_KEY] = str(chosen.organization_id)
    move_session(request=request, user=user, organization_id=chosen.organization_id)
    return redirect(settings.LOGIN_REDIRECT_URL)


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Change the language of the pages; permanently for a logged-in user."""
    form = LanguageForm(request.POST)
    if not form.is_valid():
        raise Invalid
    code = form.cleaned_data["language"]
    if isinstance(request.user, User):
        update_profile(user_id=request.user.pk, language_code=code)
    response = HttpResponseRedirect(_own_address(request, form.cleaned_data["next"]))
    remember_language(response, code)
    return response


@login_required
@require_POST
def set_timezone(request: HttpRequest) -> HttpResponse:
    """Save the user's time zone."""
    user = cast(User, request.user)
    form = TimezoneForm(request.POST)
    if not form.is_valid():
        raise Invalid
    update_profile(user_id=user.pk, timezone=form.cleaned_data["timezone"])
    return HttpResponseRedirect(_own_address(request, form.cleaned_data["next"]))


def _log_in_anew(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Log out a user whose session is older than their reactivation in an organization."""
    name = isolate(membership.organization.name)
    log_out(request)
    messages.info(request, _("Log in again to work for %(name)s.") % {"name": name})
    return redirect(settings.LOGIN_URL)


def _own_address(request: HttpRequest, address: str | None) -> str:
    """Return the address if it is on this host, else the inbox."""
    return local_target(request, address, resolve_url(settings.LOGIN_REDIRECT_URL))


@require_POST
def stop_impersonation(request: HttpRequest) -> HttpResponse:
    """End the impersonation; redirect to the admin if there is none."""
    membership = impersonated_by(request) if request.user.is_authenticated else None
    request.session.pop(IMPERSONATION_KEY, None)
    if membership is None or not isinstance(membership.impersonation, Impersonation):
        return redirect("admin:index")
    end_impersonation(
        impersonation=membership.impersonation, because=ImpersonationEndReason.STOPPED
    )
    return redirect("admin:organizations_membership_change", membership.pk)

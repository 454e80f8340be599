"""The page of an invitation's link."""

from typing import cast

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from crm.authentication.forms.sign_up import JoinForm
from crm.authentication.log_in import log_in
from crm.authentication.services.sessions import move_session
from crm.core import ratelimit
from crm.core.errors import AppError
from crm.core.form_guard.anonymous import once_for_anyone
from crm.core.form_guard.sent_forms import refill_of
from crm.core.text.normalization import isolate
from crm.organizations.errors import InvitationForSomebodyElse, InvitationNotFound
from crm.organizations.models import Invitation, Membership, User
from crm.organizations.services.invitations import (
    accept_as_newcomer,
    accept_invitation,
    invitation_of,
    membership_just_made,
    newcomer_just_made,
)
from crm.organizations.services.members import SESSION_KEY

JOIN = "authentication/join.html"


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@once_for_anyone
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Render an invitation; accept it as the current user, or with a new account."""
    ratelimit.enforce("invitation_link", {"address": ratelimit.client_address(request)})
    try:
        return _join(request, token)
    except (InvitationNotFound, InvitationForSomebodyElse):
        if request.method != "POST":
            raise
        if isinstance(request.user, User):
            membership = membership_just_made(token=token, user=request.user)
            if membership is None:
                raise
            return _welcome(request, membership, membership.organization.name)
        user = newcomer_just_made(token=token, name=request.POST.get("name", ""))
        if user is None:
            raise
        # The same form for the second time: its password leads to where the first one led.
        return log_in(
            request,
            email=user.email,
            password=request.POST.get("password", ""),
            target=resolve_url("chat:inbox"),
        )


def _join(request: HttpRequest, token: str) -> HttpResponse:
    invitation = invitation_of(token)
    if isinstance(request.user, User):
        return _as_member(request, invitation, token)
    if User.objects.filter(email=invitation.email).exists():
        return _page(request, invitation)
    form = JoinForm(request.POST or None, initial=refill_of(request), email=invitation.email)
    if request.method != "POST":
        return _page(request, invitation, form=form)
    if not form.is_valid():
        return _page(request, invitation, form=form, status=400)
    membership = accept_as_newcomer(
        token=token,
        name=form.cleaned_data["name"],
        password=form.cleaned_data["password"],
        language_code=get_language() or "en",
        timezone_name=form.cleaned_data["timezone"],
    )
    user = membership.user
    login = Login(user=user, email=user.email, redirect_url=resolve_url("chat:inbox"))
    return perform_password_login(request, {"email": user.email}, login)


def _as_member(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    user = cast(User, request.user)
    if request.method != "POST":
        return _page(request, invitation, is_for_somebody_else=user.email != invitation.email)
    try:
        membership = accept_invitation(token=token, user=user)
    except InvitationForSomebodyElse as refusal:
        return _page(request, invitation, is_for_somebody_else=True, status=refusal.status)
    except AppError as refusal:
        # The same form for the second time, while the first one was on its way.
        before = membership_just_made(token=token, user=user)
        if before is None:
            messages.error(request, refusal.message)
            return redirect("organizations:profile")
        membership = before
    return _welcome(request, membership, invitation.organization.name)


def _welcome(request: HttpRequest, membership: Membership, name: str) -> HttpResponse:
    user = cast(User, request.user)
    request.session[SESSION_KEY] = str(membership.organization_id)
    move_session(request=request, user=user, organization_id=membership.organization_id)
    messages.success(request, _("Welcome to %(name)s.") % {"name": isolate(name)})
    return redirect("chat:inbox")


def _page(
    request: HttpRequest,
    invitation: Invitation,
    *,
    form: JoinForm | None = None,
    is_for_somebody_else: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "invitation": invitation,
        "form": form,
        "is_for_somebody_else": is_for_somebody_else,
    }
    return render(request, JOIN, context, status=status)

"""Views of django-allauth with rules of ours: address, passkeys, forms that take turns."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from allauth.account.models import EmailAddress, get_emailconfirmation_model
from allauth.account.views import ConfirmEmailView, EmailView
from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from crm.authentication.allauth.stages import (
    has_proved_address,
    remember_confirmed,
    showed_credentials,
    vouch_for_address,
)
from crm.authentication.forms.passwords import NewPasswordForm
from crm.authentication.log_in import log_out
from crm.authentication.services.sessions import has_live_session
from crm.core import ratelimit
from crm.organizations.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


class AddressView(EmailView):
    """allauth's view, which would treat an account without any row as unverified.

    An email that is refused changes nothing, and the page says so.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if isinstance(request.user, User):
            vouch_for_address(request.user)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                changed: HttpResponse = super().form_valid(form)
        except ratelimit.RateLimitExceeded as refusal:
            form.add_error("email", refusal.message)
            refused: HttpResponse = self.form_invalid(form)
            return refused
        return changed

    def _action_send(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        try:
            sent: HttpResponse | None = super()._action_send(request, *args, **kwargs)
        except ratelimit.RateLimitExceeded as refusal:
            messages.error(request, refusal.message)
            return redirect("account_email")
        return sent


@method_decorator(never_cache, name="dispatch")
@method_decorator(sensitive_post_parameters("password1"), name="dispatch")
class ConfirmAddressView(ConfirmEmailView):
    """Verify an address for the account's owner; the link alone proves only access to the mailbox.

    A new address of an account is verified by a user who is logged in to it: a mistyped one belongs
    to another person. A sign-up is verified in the browser that knows its password; in another one
    a new password is chosen, and the credentials of the sign-up are removed.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        confirmation = get_emailconfirmation_model().from_key(kwargs["key"])
        if confirmation is not None:
            address: EmailAddress = confirmation.email_address
            if has_proved_address(address.user):
                if not request.user.is_authenticated:
                    return redirect_to_login(request.path, resolve_url(settings.LOGIN_URL))
                if request.user.pk != address.user_id:
                    context = {"is_for_somebody_else": True}
                    return render(request, self.template_name, context, status=403)
            elif not showed_credentials(request, address.user) and address.can_set_verified():
                return _claim(request, address)
        response = super().dispatch(request, *args, **kwargs)
        is_done = request.method == "POST" and response.status_code == 302
        if confirmation is not None and is_done and not request.user.is_authenticated:
            remember_confirmed(request, confirmation.email_address.email)
        return response

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                self._take_turn()
                confirmed: HttpResponse = super().post(*args, **kwargs)
        except IntegrityError:
            # Another account confirmed the same address at this moment; the page says so.
            return redirect(self.request.path)
        return confirmed

    def _take_turn(self) -> None:
        """Lock the account first, as `_claim` does: of two at once, the second finds it done."""
        confirmation = get_emailconfirmation_model().from_key(self.kwargs["key"])
        if confirmation is not None:
            owner = User.objects.select_for_update().filter(pk=confirmation.email_address.user_id)
            owner.first()


def _claim(request: HttpRequest, address: EmailAddress) -> HttpResponse:
    """Ask the owner of a mailbox for the password of the account that was signed up with it."""
    given = request.POST if request.method == "POST" else None
    form = NewPasswordForm(given, user=address.user)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        context = {"form": form, "email": address.email}
        return render(request, "account/email_claim.html", context, status=status)
    form.save()
    log_out(request)
    remember_confirmed(request, address.email)
    messages.success(request, _("Your address is confirmed. Log in with your new password."))
    return redirect(settings.LOGIN_URL)


class RemovePasskeyView(RemoveWebAuthnView):
    """allauth's view, which asks only for an app whether the last factor may be removed."""

    def form_valid(self, form: Any) -> HttpResponse:
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.get_object()):
            messages.error(self.request, str(adapter.error_messages["cannot_delete_authenticator"]))
            return redirect("mfa_list_webauthn")
        removed: HttpResponse = super().form_valid(form)
        return removed


def in_turn(view: View[P]) -> View[P]:
    """Carry out a logged-in person's POST under the lock of their account, in one transaction.

    What was read before the turn came is read again: the password, and whether the session goes on.
    Whom the turn before logged out does nothing any more.
    """

    @wraps(view)
    def answered(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user: Any = request.user if request.method == "POST" else None
        if not isinstance(user, User):
            return view(request, *args, **kwargs)
        with transaction.atomic():
            user.refresh_from_db(from_queryset=User.objects.select_for_update(no_key=True))
            if user.is_active and has_live_session(request, user):
                return view(request, *args, **kwargs)
        log_out(request)
        return redirect(settings.LOGIN_URL)

    return answered

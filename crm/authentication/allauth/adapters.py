"""django-allauth adapters: one log-in page, one rate limiter, our emails and messages."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

import requests
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess, Provider
from django import forms
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.authentication import encryption
from crm.authentication.allauth.profiles import guarded
from crm.authentication.allauth.stages import is_unproved
from crm.authentication.allauth.texts import OF_ALLAUTH, text_of
from crm.authentication.errors import ProviderUnavailable
from crm.authentication.first_step import (
    LogInStale,
    is_log_in_stale,
    locked_user,
    note_answer,
    was_voided,
)
from crm.authentication.log_in import credentials_were_right, log_out, take_attempt
from crm.authentication.services.sessions import leave_session
from crm.authentication.services.sign_up import settle_sign_up
from crm.core import ratelimit, tenancy
from crm.core.fields import whole_number
from crm.core.http.redirects import is_local
from crm.core.mail.services import queue_mail, queue_mail_once
from crm.core.text.addresses import normalize_email
from crm.core.text.normalization import normalize_line
from crm.organizations.models import Membership, User
from crm.organizations.models.membership import SECOND_FACTORS
from crm.organizations.preferences import remember_language

PROVIDER_SECONDS = 5
# Beyond this many seconds, the end of a token is no date.
MAX_TOKEN_SECONDS = 10**9
# Emails of forms that anybody may send, for which no response is stored to be repeated.
OF_ANONYMOUS_FORMS = frozenset({"account_already_exists", "password_reset_key", "unknown_account"})
# Emails to addresses whose owner may never have asked for anything.
TO_UNPROVED = frozenset(
    {
        "account_already_exists",
        "email_confirmation",
        "email_confirmation_signup",
        "unknown_account",
    }
)
SENT_TWICE = timedelta(seconds=20)
JUST_NOW = timedelta(minutes=1)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "duplicate_email": _("This is your address already."),
        "email_taken": _("This address cannot be used."),
        "enter_current_password": _("This is not your password."),
        "incorrect_password": _("This is not your password."),
        "invalid_password_reset": _("The link does not work any more. Ask for a new one."),
        "max_email_addresses": _("You cannot add more than %d addresses."),
        "rate_limited": _("Too many attempts. Wait a few minutes and try again."),
        "too_many_login_attempts": _("Too many attempts. Wait a few minutes and try again."),
    }

    def get_login_stages(self) -> list[str]:
        return [
            "crm.authentication.allauth.stages.AddressStage",
            "allauth.mfa.stages.AuthenticateStage",
        ]

    def is_safe_url(self, url: str) -> bool:
        return is_local(context.request, url)

    def get_client_ip(self, request: HttpRequest) -> str:
        return ratelimit.client_address(request)

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Begin the session in one transaction with a last look at the locked account."""
        person = cast(User, user)
        with transaction.atomic():
            is_void = was_voided(request, locked_user(person))
            if not is_void:
                leave_session(request=request, user=person)
                founded = settle_sign_up(user_id=person.pk)
                super().login(request, user)
                request.has_founded = founded is not None  # type: ignore[attr-defined]
        if is_void:
            log_out(request)
            raise ImmediateHttpResponse(redirect(settings.LOGIN_URL))

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse:
        response = super().post_login(request, user, **kwargs)
        person = cast(User, user)
        credentials_were_right(person, take_attempt(request, person))
        remember_language(response, cast(User, user).language_code)
        if getattr(request, "has_founded", False) and response.get("Location") == resolve_url(
            settings.LOGIN_REDIRECT_URL
        ):
            response["Location"] = resolve_url(settings.SETUP_URL)
        return response

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether to ask again who it is. Raise LogInStale where there is nothing to ask:
        allauth would let an account with a provider alone go on.
        """
        is_required: bool = super().is_reauthentication_required(app=app, **kwargs)
        if is_required and is_log_in_stale(self.request):
            raise LogInStale
        return is_required

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("mfa_index")

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        """Check the password again, rate-limited like other attempts."""
        count_confirmation(cast(User, user))
        return user.check_password(password)

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        person = cast(User, user)
        person.set_password(password)
        person.save(update_fields=["password", "updated_at"])

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue an email. Raise RateLimitExceeded to who is logged in and sends too many.

        To others nothing is told: what they see must not depend on the account.
        """
        compose = OF_ALLAUTH[template_prefix]
        kind = template_prefix.rpartition("/")[2]
        if kind == "account_already_exists" and has_just_signed_up(email):
            return
        if kind in TO_UNPROVED and not self._may_write_to(email):
            return
        reader = context.get("user") or User.objects.filter(email=email).first()
        language_code = reader.language_code if reader else get_language() or "en"
        is_asked_for_by_anybody = kind in OF_ANONYMOUS_FORMS or (
            kind == "email_confirmation"
            and not EmailAddress.objects.filter(user=context.get("user"), verified=True).exists()
        )
        if is_asked_for_by_anybody:
            queue_mail_once(
                kind=kind,
                to=email,
                language_code=language_code,
                compose=lambda: compose(context),
                pause=SENT_TWICE,
            )
        else:
            queue_mail(
                kind=kind,
                to=email,
                language_code=language_code,
                compose=lambda: compose(context),
            )

    def _may_write_to(self, email: str) -> bool:
        asking = getattr(self.request, "user", None)
        sender = asking if isinstance(asking, User) else None
        recipient = User.objects.normalize_email(email)
        subjects = {"user": sender.pk if sender else None, "recipient": recipient}
        try:
            ratelimit.enforce("unverified_email", subjects)
        except ratelimit.RateLimitExceeded:
            if sender is not None:
                raise
            return False
        return True

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        if template_prefix in OF_ALLAUTH:
            person = cast(User, user)
            self.send_mail(
                template_prefix, email or person.email, {**(context or {}), "user": person}
            )

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Show our own message instead of allauth's; none where the page itself shows it."""
        text = message or text_of(message_template)
        if text:
            super().add_message(request, level, message=text, extra_tags=extra_tags)


class ProviderAway(ProviderUnavailable, requests.RequestException):
    """An unavailable provider; allauth handles it where it can, elsewhere it is a regular error."""


class _Questions(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = 0

    def request(self, *args: Any, **options: Any) -> requests.Response:
        try:
            response = super().request(*args, **{"timeout": PROVIDER_SECONDS, **options})
        except (requests.RequestException, ValueError) as error:
            # A token that fits in no header is a ValueError.
            raise ProviderAway from error
        _require_readable(response)
        return response


def _require_readable(response: requests.Response) -> None:
    """Raise ProviderAway for JSON that cannot be used: too deep, no object, or a broken token."""
    try:
        payload = response.json()
    except requests.JSONDecodeError:
        # Whoever asked finds that, or reads it as another form.
        return
    except (ValueError, RecursionError) as error:
        raise ProviderAway from error
    if not isinstance(payload, dict):
        raise ProviderAway
    seconds = payload.get("expires_in") or 0
    if not isinstance(seconds, int) and not (
        isinstance(seconds, str) and whole_number(seconds) is not None
    ):
        raise ProviderAway
    if not 0 <= int(seconds) < MAX_TOKEN_SECONDS or not isinstance(
        payload.get("access_token", ""), str
    ):
        raise ProviderAway


class ProviderAdapter(DefaultSocialAccountAdapter):
    error_messages = DefaultSocialAccountAdapter.error_messages | {
        "email_taken": _(
            "There is an account with this address already. Log in to it, then link %s in the "
            "settings."
        ),
        "no_password": _("Set a password first: otherwise you could not log in any more."),
        "no_verified_email": _("Confirm your email address first."),
        "disconnect_last": _("Set a password first: otherwise you could not log in any more."),
        "connected_other": _("This account is linked to somebody else here."),
    }

    def get_app(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> SocialApp:
        """Return the provider's app; raise Http404 for a provider that is not configured."""
        try:
            return super().get_app(request, provider, client_id)
        except SocialApp.DoesNotExist as missing:
            raise Http404 from missing

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Treat an identity that is linked to an unproved account as one that is not linked."""
        note_answer(sociallogin)
        user = cast(User, sociallogin.user)
        if user.pk is None or not is_unproved(user.email):
            return
        linked = sociallogin.account
        provider = linked.get_provider(request)
        unlinked = provider.sociallogin_from_response(request, linked.extra_data)
        sociallogin.user, sociallogin.account = unlinked.user, unlinked.account
        sociallogin.email_addresses = unlinked.email_addresses
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            release_identity(sociallogin)

    def save_user(
        self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None
    ) -> AbstractBaseUser:
        release_identity(sociallogin)
        return cast(AbstractBaseUser, super().save_user(request, sociallogin, form))

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> Provider:
        """Return the provider; what it answers is validated."""
        return guarded(super().get_provider(request, provider, client_id))

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> User:
        user = cast(User, super().populate_user(request, sociallogin, data))
        names = [data.get("first_name") or "", data.get("last_name") or ""]
        user.name = normalize_line(data.get("name") or " ".join(names))[:255]
        for address in sociallogin.email_addresses:
            address.email = normalize_email(address.email)
        return user

    def get_requests_session(self) -> requests.Session:
        """Return a session that follows no redirects away from the configured provider."""
        return _Questions()

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        AccountAdapter().send_notification_mail(*args, **kwargs)


class SecondFactorAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "add_email_blocked": _("Confirm your email address first."),
        "cannot_delete_authenticator": _(
            "Your organization asks for a second factor. Add another one before you remove this."
        ),
        "cannot_generate_recovery_codes": _("Add a second factor first."),
        "incorrect_code": _("The code is wrong or has expired. Enter the newest one."),
        "unverified_email": _("Confirm your new email address first, or cancel its change."),
    }

    def encrypt(self, text: str) -> str:
        return encryption.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.unseal(encrypted_text)

    def is_mfa_enabled(self, user: Any, types: Iterable[str] | None = None) -> bool:
        """Return whether the user has a factor of these types, by default one of SECOND_FACTORS.

        Codes alone, which two requests at once can leave behind, are asked for by no log-in.
        """
        enabled: bool = super().is_mfa_enabled(user, types=types or SECOND_FACTORS)
        return enabled

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return False for the last factor of a member whose organization requires one."""
        others = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(
            pk=authenticator.pk
        )
        if others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists():
            return True
        memberships = Membership.objects.active().filter(user_id=authenticator.user_id)
        with tenancy.person(authenticator.user_id):
            return not memberships.filter(organization__requires_second_factor=True).exists()

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Any) -> str:  # noqa: A002  allauth names it so
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return str(_("Passkey %(number)d") % {"number": count + 1})

    def _get_site_name(self) -> str:
        return "NextFlow"


def release_identity(sociallogin: SocialLogin) -> None:
    """Delete the link of this identity to an unproved account, before it is linked anew."""
    account = sociallogin.account
    for linked in SocialAccount.objects.filter(provider=account.provider, uid=account.uid):
        if is_unproved(linked.user.email):
            linked.delete()


def has_just_signed_up(email: str) -> bool:
    """Return whether an account of this address is new and was sent its confirmation.

    The sign-up form was submitted twice then; "you have an account" would be confusing.
    """
    return EmailAddress.objects.filter(
        email=email, verified=False, user__created_at__gt=timezone.now() - JUST_NOW
    ).exists()


def count_confirmation(user: User) -> None:
    """Count an attempt to reauthenticate, or raise a form error."""
    try:
        ratelimit.enforce("confirmation", {"user": user.pk})
    except ratelimit.RateLimitExceeded as refusal:
        raise forms.ValidationError(refusal.message) from refusal


def verified_address(user: User) -> None:
    """Mark the address as verified, because an email to it was opened."""
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"primary": True, "verified": True}
    )

"""Forms of sign-up, with a password or through a provider."""

from typing import Any

from allauth.account import forms as allauth
from allauth.core import context
from allauth.socialaccount import forms as social
from allauth.socialaccount.models import SocialAccount
from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from crm.authentication.errors import ProviderLinkedMeanwhile
from crm.authentication.first_step import require_recent_answer
from crm.authentication.forms.passwords import (
    configure_email_field,
    configure_password_field,
    count,
    dummy_user,
)
from crm.authentication.services.sign_up import WANTED, release_pending_address
from crm.core import ratelimit
from crm.core.form_guard.sent_forms import refill_of
from crm.core.forms import Form, NormalizedText
from crm.core.timezones import zone_names
from crm.organizations.models import User


def _name_field() -> forms.CharField:
    return forms.CharField(
        label=_("Your name"),
        max_length=255,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "name"}),
        error_messages={"required": _("Enter your name.")},
    )


def _organization_field(*, required: bool, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=_("Name of your organization"),
        max_length=255,
        required=required,
        help_text=help_text,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "organization"}),
        error_messages={"required": _("Enter the name of your company or team.")},
    )


def _zone_field() -> forms.CharField:
    # Filled in by a script with the zone of the machine; without one it is UTC, changed later.
    return forms.CharField(
        required=False, widget=forms.HiddenInput(attrs={"data-machine-zone": ""})
    )


def describe(user: User, values: dict[str, Any]) -> None:
    """Set a new user's name, language and time zone, and the organization to create."""
    user.name = values["name"]
    user.language_code = get_language() or "en"
    zone = values.get("timezone") or "UTC"
    user.timezone = zone if zone in zone_names() else "UTC"
    if values.get("organization"):
        user.metadata[WANTED] = values["organization"]


class FreeAddress:
    """Mixin of sign-up forms: a pending, unverified change to the address does not block it."""

    account_already_exists: bool

    def validate_unique_email(self, value: str) -> str:
        self.account_already_exists = User.objects.holding(value).exists()
        return value


class SignUpForm(NormalizedText, FreeAddress, allauth.SignupForm):
    name = _name_field()
    organization = _organization_field(required=True)
    timezone = _zone_field()
    field_order = ["name", "organization", "email", "password1", "timezone"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial |= refill_of(context.request)
        configure_email_field(self.fields["email"])
        configure_password_field(
            self.fields["password1"], label=_("Password"), is_new=True, helps=True
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        if not self.errors:
            count("sign_up", address=ratelimit.client_address(context.request))
        return cleaned

    def try_save(self, request: HttpRequest) -> tuple[AbstractBaseUser | None, HttpResponse | None]:
        """Sign up; a taken address takes the same time and gets the same response as a free one."""
        values = self.cleaned_data
        if self.account_already_exists:
            dummy_user(values["email"], values["name"]).set_password(values["password1"])
        try:
            with transaction.atomic():
                if not self.account_already_exists:
                    release_pending_address(email=values["email"])
                saved: tuple[AbstractBaseUser | None, HttpResponse | None] = super().try_save(
                    request
                )
        except IntegrityError:
            # Somebody else took the address between the check and now.
            self.account_already_exists = True
            saved = super().try_save(request)
        return saved

    def custom_signup(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        _keep(user, self.cleaned_data)


class ProviderSignUpForm(NormalizedText, FreeAddress, social.SignupForm):
    name = _name_field()
    organization = _organization_field(
        required=False, help_text=_("Leave it empty if somebody invited you to theirs.")
    )
    timezone = _zone_field()
    field_order = ["name", "organization", "email", "timezone"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        require_recent_answer(self.sociallogin)
        self.initial |= refill_of(context.request)
        configure_email_field(self.fields["email"])
        self.fields["name"].initial = self.sociallogin.user.name
        proved = [each.email for each in self.sociallogin.email_addresses if each.verified]
        if proved:
            # Another one would count as proved along with it.
            self.initial["email"] = proved[0]
            self.fields["email"].disabled = True

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        if not self.errors:
            count("sign_up", address=ratelimit.client_address(context.request))
        return cleaned

    def try_save(self, request: HttpRequest) -> tuple[AbstractBaseUser | None, HttpResponse | None]:
        """Sign up. Raise ProviderLinkedMeanwhile for an identity that another tab or browser
        brought to its end first.
        """
        try:
            with transaction.atomic():
                if not self.account_already_exists:
                    release_pending_address(email=self.cleaned_data["email"])
                saved: tuple[AbstractBaseUser | None, HttpResponse | None] = super().try_save(
                    request
                )
        except IntegrityError as error:
            identity = self.sociallogin.account
            if SocialAccount.objects.filter(provider=identity.provider, uid=identity.uid).exists():
                raise ProviderLinkedMeanwhile from error
            # Somebody else took the address between the check and now.
            self.account_already_exists = True
            saved = super().try_save(request)
        return saved

    def custom_signup(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        _keep(user, self.cleaned_data)


def _keep(user: AbstractBaseUser, values: dict[str, Any]) -> None:
    person: User = user  # type: ignore[assignment]
    describe(person, values)
    person.save(update_fields=["name", "language_code", "timezone", "metadata", "updated_at"])


class JoinForm(Form):
    """The profile of a new user; the address comes from the invitation."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=255,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "name"}),
        error_messages={"required": _("Enter your name.")},
    )
    password = forms.CharField(strip=False, max_length=4096)
    timezone = forms.CharField(
        required=False, widget=forms.HiddenInput(attrs={"data-machine-zone": ""})
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        configure_password_field(
            self.fields["password"], label=_("Password"), is_new=True, helps=True
        )

    def clean_timezone(self) -> str:
        zone: str = self.cleaned_data["timezone"]
        return zone if zone in zone_names() else "UTC"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if password := cleaned.get("password"):
            user = dummy_user(self.email, cleaned.get("name", ""))
            try:
                password_validation.validate_password(password, user)
            except forms.ValidationError as refusal:
                self.add_error("password", refusal)
        return cleaned

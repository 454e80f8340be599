"""Forms of passwords and of the address: confirm, change, reset."""

from typing import Any

from allauth.account import forms as allauth
from allauth.account.models import EmailAddress
from allauth.core import context
from django import forms
from django.core.validators import MaxLengthValidator
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from crm.authentication.errors import PasswordLinkSpent
from crm.core import ratelimit
from crm.core.form_guard.sent_forms import refill_of
from crm.core.forms import EmailInput, NormalizedText
from crm.organizations.models import User

_HELP = _("At least 12 characters; no common password, nothing like your name or address.")
_MISSING = {"required": _("Enter a password.")}
# What the log-in takes; a longer one could be chosen and never used.
LONGEST = 4096


def password_input(*, is_new: bool) -> forms.PasswordInput:
    autocomplete = "new-password" if is_new else "current-password"
    return forms.PasswordInput(attrs={"class": "form-control", "autocomplete": autocomplete})


def configure_password_field(
    field: forms.Field, *, label: Any, is_new: bool, helps: bool = False
) -> None:
    """Set label, widget and validators of a password field; long passwords may be pasted."""
    field.label, field.error_messages["required"] = label, _MISSING["required"]
    field.widget = password_input(is_new=is_new)
    field.widget.is_required = field.required
    # No attribute of the field: a browser would cut what is pasted in without a word.
    field.validators.append(MaxLengthValidator(LONGEST))
    field.help_text = _HELP if helps else ""


class ResetForm(NormalizedText, allauth.ResetPasswordForm):
    """Send a link to an address that is verified, and to no other.

    An account that is not verified yet gets its verification link again.
    """

    users: list[User]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial |= refill_of(context.request)
        configure_email_field(self.fields["email"])

    def clean_email(self) -> str:
        email = User.objects.normalize_email(self.cleaned_data["email"])
        self.users = list(User.objects.reachable_at(email))
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        waiting = EmailAddress.objects.filter(
            email=email, user__email=email, user__is_active=True, verified=False
        ).first()
        if waiting is None or self.users:
            return str(super().save(request, **kwargs))
        waiting.send_confirmation(request)
        return email

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if email := cleaned.get("email"):
            address = ratelimit.client_address(context.request)
            count("password_reset", account=email, address=address)
        return cleaned


class NewPasswordForm(NormalizedText, allauth.ResetPasswordKeyForm):
    """Set a password by the link of an email, which also verifies the address.

    The link is for one password: it is checked again on the locked row.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        configure_password_field(
            self.fields["password1"], label=_("New password"), is_new=True, helps=True
        )

    def save(self) -> None:
        """Raise PasswordLinkSpent if the link was used meanwhile."""
        # Here, for adapters are loaded with the models, and forms with the settings.
        from crm.authentication.allauth.adapters import verified_address
        from crm.authentication.services.sign_up import disarm_sign_up

        with transaction.atomic():
            self.user.refresh_from_db(from_queryset=User.objects.select_for_update())
            if not self._is_link_good():
                raise PasswordLinkSpent
            disarm_sign_up(user_id=self.user.pk)
            super().save()
            verified_address(self.user)

    def _is_link_good(self) -> bool:
        """Return whether the locked account still waits for this link."""
        from crm.authentication.allauth.stages import has_proved_address
        from crm.authentication.passwords import PasswordResetTokens

        if self.temp_key is None:
            # The link that confirms the address of a sign-up.
            return not has_proved_address(self.user)
        return PasswordResetTokens().check_token(self.user, self.temp_key)


class ChangePasswordForm(NormalizedText, allauth.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        configure_password_field(
            self.fields["oldpassword"], label=_("Your password now"), is_new=False
        )
        configure_password_field(
            self.fields["password1"], label=_("New password"), is_new=True, helps=True
        )

    def clean_oldpassword(self) -> str:
        count("confirmation", user=self.user.pk)
        return str(super().clean_oldpassword())


class SetPasswordForm(NormalizedText, allauth.SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        configure_password_field(
            self.fields["password1"], label=_("New password"), is_new=True, helps=True
        )


class ConfirmForm(NormalizedText, allauth.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        configure_password_field(self.fields["password"], label=_("Your password"), is_new=False)
        self.fields["password"].widget.attrs["autofocus"] = True


def configure_email_field(field: forms.Field) -> None:
    field.label = _("Email address")
    field.error_messages["required"] = _("Enter your email address.")
    field.widget = EmailInput(
        attrs={"class": "form-control", "autocomplete": "email", "maxlength": "255"}
    )


def count(endpoint: str, **subjects: Any) -> None:
    """Count an attempt, or raise a form error with the waiting time."""
    try:
        ratelimit.enforce(endpoint, subjects)
    except ratelimit.RateLimitExceeded as refusal:
        raise forms.ValidationError(refusal.message, code="rate_limited") from refusal


def dummy_user(email: str, name: str) -> User:
    """Return an unsaved user, for validators that compare a password with its owner."""
    return User(email=email, name=name)


class ChangeAddressForm(NormalizedText, allauth.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        configure_email_field(self.fields["email"])
        self.fields["email"].label = _("New email address")

    def clean_email(self) -> str:
        email = str(super().clean_email())
        count("address_change", user=self.user.pk)
        return email

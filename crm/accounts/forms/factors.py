"""Forms of second factors: codes and passkeys."""

from collections.abc import Callable
from typing import Any, NoReturn

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.forms.passwords import count
from crm.accounts.models import User
from crm.accounts.second_factor import note_used, was_used
from crm.core.forms import NormalizedText


def _word_code(field: forms.Field, *, label: Any) -> None:
    field.label = label
    field.error_messages["required"] = _("Enter the code.")
    field.widget = forms.TextInput(
        attrs={
            "class": "form-control",
            "autocomplete": "one-time-code",
            "inputmode": "numeric",
            "maxlength": "20",
            "autofocus": True,
        }
    )


def _word_name(field: forms.Field) -> None:
    field.label = pgettext_lazy("thing", "Name")
    field.widget = forms.TextInput(attrs={"class": "form-control", "maxlength": "100"})


def _clean_once(user: User, code: str, clean: Callable[[], Any]) -> str:
    """Validate a code and reject a reused one; ``clean`` is allauth's validation."""
    count("second_factor", user=user.pk)
    if was_used(user, code):
        raise get_adapter().validation_error("incorrect_code")
    cleaned = str(clean())
    note_used(user, code)
    return cleaned


class CodeForm(NormalizedText, base.AuthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_code(self.fields["code"], label=_("Code from your app, or a recovery code"))

    def clean_code(self) -> str:
        return _clean_once(self.user, self.cleaned_data["code"], super().clean_code)


class ConfirmByCodeForm(NormalizedText, base.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_code(self.fields["code"], label=_("Code from your app, or a recovery code"))

    def clean_code(self) -> str:
        return _clean_once(self.user, self.cleaned_data["code"], super().clean_code)


class ActivateAppForm(NormalizedText, totp.ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_code(self.fields["code"], label=_("Code that the app shows"))


# What the parsers of a credential raise where it is no such thing.
_NO_CREDENTIAL = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def _refuse_credential(error: Exception) -> NoReturn:
    raise forms.ValidationError(
        _("The passkey was not used. Try again."), code="invalid"
    ) from error


class LogInKeyForm(NormalizedText, webauthn.LoginWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except _NO_CREDENTIAL as error:
            _refuse_credential(error)


class SecondKeyForm(NormalizedText, webauthn.AuthenticateWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except _NO_CREDENTIAL as error:
            _refuse_credential(error)


class ConfirmByKeyForm(NormalizedText, webauthn.ReauthenticateWebAuthnForm):
    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except _NO_CREDENTIAL as error:
            _refuse_credential(error)


class AddKeyForm(NormalizedText, webauthn.AddWebAuthnForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_name(self.fields["name"])
        passwordless = self.fields["passwordless"]
        passwordless.label = _("Log in with it alone, without a password")
        passwordless.help_text = _(
            "The device then asks for your fingerprint, face or PIN each time."
        )
        passwordless.initial = True
        passwordless.widget = forms.CheckboxInput(attrs={"class": "form-check-input"})

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except _NO_CREDENTIAL as error:
            _refuse_credential(error)
        return cleaned


class RenameKeyForm(NormalizedText, webauthn.EditWebAuthnForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _word_name(self.fields["name"])

"""Forms of second factors: codes and passkeys."""

from collections.abc import Callable
from typing import Any, NoReturn, cast

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from allauth.mfa.webauthn.internal.auth import get_authenticator_by_credential_id
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from crm.authentication.forms.passwords import count
from crm.authentication.mfa import mark_code_used, was_used
from crm.core.forms import NormalizedText
from crm.organizations.models import User


def _configure_code_field(field: forms.Field, *, label: Any) -> None:
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


def _configure_name_field(field: forms.Field) -> None:
    field.label = pgettext_lazy("thing", "Name")
    field.widget = forms.TextInput(attrs={"class": "form-control", "maxlength": "100"})


def _clean_once(user: User, code: str, clean: Callable[[], Any]) -> str:
    """Validate a code and reject a reused one; ``clean`` is allauth's validation."""
    count("second_factor", user=user.pk)
    if was_used(user, code):
        raise get_adapter().validation_error("incorrect_code")
    try:
        cleaned = str(clean())
    except Authenticator.DoesNotExist as error:
        # It was removed at this moment.
        raise get_adapter().validation_error("incorrect_code") from error
    mark_code_used(user, code)
    return cleaned


class CodeForm(NormalizedText, base.AuthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _configure_code_field(
            self.fields["code"], label=_("Code from your app, or a recovery code")
        )

    def clean_code(self) -> str:
        return _clean_once(self.user, self.cleaned_data["code"], super().clean_code)


class ConfirmByCodeForm(NormalizedText, base.ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _configure_code_field(
            self.fields["code"], label=_("Code from your app, or a recovery code")
        )

    def clean_code(self) -> str:
        return _clean_once(self.user, self.cleaned_data["code"], super().clean_code)


class ActivateAppForm(NormalizedText, totp.ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _configure_code_field(self.fields["code"], label=_("Code that the app shows"))


# What a browser sends for a passkey is a few thousand characters.
MAX_CREDENTIAL = 32_768
# What the verification of a credential that could be parsed raises where it is not valid.
_NOT_VALID = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    AssertionError,
    NotImplementedError,
)


def _refuse_credential(error: Exception | None) -> NoReturn:
    raise forms.ValidationError(
        _("The passkey was not used. Try again."), code="invalid"
    ) from error


def _require_credential(form: forms.BaseForm, parse: Callable[[Any], object]) -> None:
    """Raise ValidationError unless the form's credential is short enough and can be parsed."""
    given = form["credential"].data
    if isinstance(given, str) and len(given) > MAX_CREDENTIAL:
        _refuse_credential(None)
    try:
        parse(form.cleaned_data["credential"])
    except Exception as error:  # noqa: BLE001  the parsers do not say what they raise
        _refuse_credential(error)


def _require_new(user: User, credential: dict[str, Any]) -> None:
    """Raise ValidationError for a passkey that is stored already: who removes it removes it once.

    Browsers refuse it, too; two submissions of one ceremony, or another program, do not.
    """
    attested = RegistrationResponse.from_dict(credential).response.attestation_object.auth_data
    known = attested.credential_data and get_authenticator_by_credential_id(
        user, attested.credential_data.credential_id
    )
    if known:
        raise forms.ValidationError(_("You have this passkey already."), code="invalid")


class _UsedKey(NormalizedText):
    """Mixin of a form that is sent with an existing passkey."""

    def clean_credential(self) -> Authenticator:
        _require_credential(cast(forms.BaseForm, self), AuthenticationResponse.from_dict)
        try:
            return cast(Authenticator, super().clean_credential())  # type: ignore[misc]
        except _NOT_VALID as error:
            _refuse_credential(error)


class LogInKeyForm(_UsedKey, webauthn.LoginWebAuthnForm):
    """The log-in with a passkey alone.

    All ceremonies share one challenge in the session, which may stem from one that asks for less:
    what this one needs is checked in the answer itself.
    """

    def clean_credential(self) -> Authenticator:
        authenticator = super().clean_credential()
        given = AuthenticationResponse.from_dict(self.cleaned_data["credential"])
        is_verified = given.response.authenticator_data.is_user_verified()
        if not (is_verified and authenticator.wrap().is_passwordless):
            _refuse_credential(None)
        return authenticator


class SecondKeyForm(_UsedKey, webauthn.AuthenticateWebAuthnForm):
    pass


class ConfirmByKeyForm(_UsedKey, webauthn.ReauthenticateWebAuthnForm):
    pass


class AddKeyForm(NormalizedText, webauthn.AddWebAuthnForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _configure_name_field(self.fields["name"])
        passwordless = self.fields["passwordless"]
        passwordless.label = _("Log in with it alone, without a password")
        passwordless.help_text = _(
            "The device then asks for your fingerprint, face or PIN each time."
        )
        passwordless.initial = True
        passwordless.widget = forms.CheckboxInput(attrs={"class": "form-check-input"})

    def clean_credential(self) -> dict[str, Any]:
        _require_credential(self, RegistrationResponse.from_dict)
        credential: dict[str, Any] = self.cleaned_data["credential"]
        # Before the ceremony is finished, for allauth's page asks twice what is wrong.
        _require_new(self.user, credential)
        return credential

    def clean(self) -> dict[str, Any]:
        try:
            cleaned: dict[str, Any] = super().clean()
        except _NOT_VALID as error:
            _refuse_credential(error)
        if credential := cleaned.get("credential"):
            # Where `is_passwordless` looks: what the person chose, not what the browser reports.
            results = {"credProps": {"rk": bool(cleaned.get("passwordless"))}}
            cleaned["credential"] = credential | {"clientExtensionResults": results}
        return cleaned


class RenameKeyForm(NormalizedText, webauthn.EditWebAuthnForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _configure_name_field(self.fields["name"])

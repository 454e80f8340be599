"""Errors of this app."""

from django.utils.translation import gettext_noop

from crm.core.errors import AppError, Conflict, Forbidden, Invalid, NotFound, TooFast, Unauthorized


class WrongCredentials(Invalid):
    """The same for unknown addresses, wrong passwords, deactivated and unverified accounts."""

    code = "wrong_credentials"
    message = gettext_noop(
        "The email address or the password is wrong. Check both and try again. If you have just "
        "signed up, confirm your address first: open the link in the email that we sent you."
    )


class TooManyLogIns(TooFast):
    code = "too_many_log_ins"
    message = gettext_noop("Too many attempts to log in. Wait and try again.")


class PasswordLinkSpent(Conflict):
    """The password was set by this link, or changed otherwise, while the form was open."""

    code = "password_link_spent"
    message = gettext_noop("The link does not work any more. Ask for a new one.")


class ProviderLinkedMeanwhile(Conflict):
    """The provider's account was signed up or linked elsewhere while the form was open."""

    code = "provider_linked_meanwhile"
    message = gettext_noop(
        "This account of the provider is linked to an account here by now. Log in with it."
    )


class ProviderAnswerLapsed(Conflict):
    """A sign-up through a provider waited too long for its form."""

    code = "provider_answer_lapsed"
    message = gettext_noop("The provider's answer is too old by now. Log in with it once more.")


class CredentialsRefused(Unauthorized):
    """The credentials are invalid; it does not reveal whether an account exists."""

    code = "credentials_refused"
    message = gettext_noop("The credentials are not accepted. Check them and try again.")


class AccessTokenInvalid(CredentialsRefused):
    code = "access_token_invalid"
    message = gettext_noop("The access token is not one of ours. Get a new one, and send it whole.")


class AccessTokenExpired(CredentialsRefused):
    code = "access_token_expired"
    message = gettext_noop("The access token has expired. Get a new one with the refresh token.")


class AccessTokenRevoked(CredentialsRefused):
    code = "access_token_revoked"
    message = gettext_noop("The access that this token stood for has ended. Log in again.")


class RefreshTokenInvalid(CredentialsRefused):
    code = "refresh_token_invalid"
    message = gettext_noop("The refresh token is unknown, expired or revoked. Log in again.")


class RefreshTokenReused(CredentialsRefused):
    code = "refresh_token_reused"
    message = gettext_noop(
        "The refresh token was used before. To be safe, everything that followed from it was "
        "ended. Log in again, and use each refresh token once."
    )


class OtpRequired(CredentialsRefused):
    code = "otp_required"
    message = gettext_noop(
        "This account has two-step verification. Send the code of the app, or a recovery code, "
        "as otp."
    )


class OtpInvalid(CredentialsRefused):
    code = "otp_invalid"
    message = gettext_noop("The code is wrong or was used. Wait for the next one and try again.")


class ApiKeyMalformed(CredentialsRefused):
    code = "api_key_malformed"
    message = gettext_noop("The API key is damaged or cut off. Copy it again, whole.")


class ApiKeyInvalid(CredentialsRefused):
    code = "api_key_invalid"
    message = gettext_noop("The API key is unknown or revoked. Create a new one in the settings.")


class ApiKeyExpired(CredentialsRefused):
    code = "api_key_expired"
    message = gettext_noop("The API key has expired. Create a new one in the settings.")


class CredentialsInUrl(Invalid):
    code = "credentials_in_url"
    message = gettext_noop(
        "Keys and tokens do not belong into a URL: URLs end up in logs. Send them in the "
        "Authorization header, and replace this one."
    )


class ProviderUnavailable(AppError):
    code = "provider_unavailable"
    status = 503
    message = gettext_noop(
        "The provider does not answer as it should. Try again later, or log in with your password."
    )


class AuthorizationUnusable(Invalid):
    code = "authorization_unusable"
    message = gettext_noop(
        "The Authorization header cannot be read. Send one header: Authorization: Bearer <key>."
    )


class AuthorizationTooLong(AppError):
    code = "authorization_too_long"
    status = 431
    message = gettext_noop("The Authorization header is too long. Send one key or token in it.")


class ApiKeyNotFound(NotFound):
    code = "api_key_not_found"
    message = gettext_noop("There is no such API key. Load the page again.")


class ApiKeyOver(Conflict):
    code = "api_key_over"
    message = gettext_noop("This API key is revoked or expired. Create a new one.")


class TooManyApiKeys(Conflict):
    code = "too_many_api_keys"
    message = gettext_noop("An organization can have 100 API keys. Revoke one that is not used.")


class RotationUnderWay(Conflict):
    code = "rotation_under_way"
    message = gettext_noop(
        "Two secrets of this key are alive already. Revoke the old one before you make another."
    )


class ScopeNotYours(Forbidden):
    code = "scope_not_yours"
    message = gettext_noop("A key cannot do more than you may. Leave out the scopes you lack.")


class AccessEnded(Forbidden):
    code = "session_expired"
    message = gettext_noop(
        "Your access ended. Log in again, or ask an administrator of your organization."
    )


class ImpersonationOver(Forbidden):
    code = "impersonation_over"
    message = gettext_noop(
        "You no longer see the application as somebody else. Nothing was changed; load the page "
        "again."
    )


class CannotImpersonate(Forbidden):
    code = "cannot_impersonate"
    message = gettext_noop(
        "Nobody can be an operator, themselves or somebody who is switched off. Choose another "
        "person."
    )


class ReasonTooShort(Invalid):
    code = "reason_too_short"
    message = gettext_noop("Say why, in at least ten characters: the organization reads it.")

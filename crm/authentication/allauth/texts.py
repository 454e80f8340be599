"""Emails and messages in place of allauth's: emails are one function each.

Each is called with the recipient's language active and the context of the sender.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from crm.core.mail.services import Email
from crm.core.text.normalization import isolate

Context = Mapping[str, Any]


def _not_you() -> str:
    return _(
        "If this was not you, set a new password at once and look at your sessions in the settings."
    )


def _ignore() -> str:
    return _("If you did not ask for this, you need not do anything.")


def verify_sign_up(context: Context) -> Email:
    return Email(
        subject=_("Confirm your email address"),
        paragraphs=(
            _("Welcome to NextFlow. Confirm that this address is yours, then you can log in."),
        ),
        action_label=_("Confirm the address"),
        action_url=context["activate_url"],
        small_print=(_("The link works for three days."), _ignore()),
    )


def verify_address(context: Context) -> Email:
    return Email(
        subject=_("Confirm your new email address"),
        paragraphs=(
            _("Confirm that this address is yours. Until then you log in with the old one."),
        ),
        action_label=_("Confirm the address"),
        action_url=context["activate_url"],
        small_print=(_("The link works for three days."), _ignore()),
    )


def already_there(context: Context) -> Email:
    return Email(
        subject=_("You have an account already"),
        paragraphs=(
            _(
                "Somebody wanted to sign up to NextFlow with this address. It has an account "
                "already, so none was made. Log in; if you forgot the password, set a new one."
            ),
        ),
        action_label=_("Set a new password"),
        action_url=context["password_reset_url"],
        small_print=(_ignore(),),
    )


def no_account(context: Context) -> Email:
    return Email(
        subject=_("There is no account with this address"),
        paragraphs=(
            _(
                "Somebody wanted a new password for this address. It has no account here; "
                "you may have used another address."
            ),
        ),
        action_label=_("Sign up"),
        action_url=context["signup_url"],
        small_print=(_ignore(),),
    )


def reset_password(context: Context) -> Email:
    return Email(
        subject=_("Set a new password"),
        paragraphs=(_("Somebody, hopefully you, wants a new password for your account."),),
        action_label=_("Set a new password"),
        action_url=context["password_reset_url"],
        small_print=(_("The link works once, for one hour."), _ignore()),
    )


def password_changed(context: Context) -> Email:
    return Email(
        subject=_("Your password was changed"),
        paragraphs=(
            _("The password of your account was changed. Every other session was ended."),
            _not_you(),
        ),
    )


def address_changed(context: Context) -> Email:
    return Email(
        subject=_("Your email address was changed"),
        paragraphs=(
            _("You now log in with %(address)s.") % {"address": isolate(context["to_email"])},
            _("If this was not you, tell an administrator of your organization at once."),
        ),
    )


def app_added(context: Context) -> Email:
    return Email(
        subject=_("An authenticator app was added"),
        paragraphs=(_("Logging in now also needs a code from your app."), _not_you()),
    )


def app_removed(context: Context) -> Email:
    return Email(
        subject=_("The authenticator app was removed"),
        paragraphs=(_("Logging in no longer needs a code from your app."), _not_you()),
    )


def codes_made(context: Context) -> Email:
    return Email(
        subject=_("New recovery codes were made"),
        paragraphs=(_("Earlier recovery codes no longer work."), _not_you()),
    )


def key_added(context: Context) -> Email:
    return Email(
        subject=_("A passkey was added"),
        paragraphs=(_("A passkey can now be used to log in to your account."), _not_you()),
    )


def key_removed(context: Context) -> Email:
    return Email(
        subject=_("A passkey was removed"),
        paragraphs=(_("It can no longer be used to log in to your account."), _not_you()),
    )


def provider_linked(context: Context) -> Email:
    return Email(
        subject=_("Your account was linked"),
        paragraphs=(
            _("You can now log in with %(provider)s.") % {"provider": context["provider"]},
            _not_you(),
        ),
    )


def provider_unlinked(context: Context) -> Email:
    return Email(
        subject=_("Your account was unlinked"),
        paragraphs=(
            _("You can no longer log in with %(provider)s.") % {"provider": context["provider"]},
            _not_you(),
        ),
    )


# By the name under which allauth sends each.
OF_ALLAUTH: dict[str, Callable[[Context], Email]] = {
    "account/email/email_confirmation_signup": verify_sign_up,
    "account/email/email_confirmation": verify_address,
    "account/email/account_already_exists": already_there,
    "account/email/unknown_account": no_account,
    "account/email/password_reset_key": reset_password,
    "account/email/password_changed": password_changed,
    "account/email/password_reset": password_changed,
    "account/email/password_set": password_changed,
    "account/email/email_changed": address_changed,
    "mfa/email/totp_activated": app_added,
    "mfa/email/totp_deactivated": app_removed,
    "mfa/email/recovery_codes_generated": codes_made,
    "mfa/email/webauthn_added": key_added,
    "mfa/email/webauthn_removed": key_removed,
    "socialaccount/email/account_connected": provider_linked,
    "socialaccount/email/account_disconnected": provider_unlinked,
}


# By the name of allauth's template; an action whose page says it all has none.
_TEXTS: dict[str, str] = {
    "account/messages/email_confirmed": gettext_noop("The address is confirmed."),
    "account/messages/email_confirmation_failed": gettext_noop("This address cannot be used."),
    "account/messages/email_deleted": gettext_noop("The change was cancelled."),
    "account/messages/cannot_delete_primary_email": gettext_noop(
        "This is the address you log in with."
    ),
    "account/messages/password_changed": gettext_noop("The password was changed."),
    "account/messages/password_set": gettext_noop("The password was set."),
    "mfa/messages/totp_activated": gettext_noop("The authenticator app is set up."),
    "mfa/messages/totp_deactivated": gettext_noop("The authenticator app was removed."),
    "mfa/messages/webauthn_added": gettext_noop("The passkey was added."),
    "mfa/messages/webauthn_removed": gettext_noop("The passkey was removed."),
    "mfa/messages/recovery_codes_generated": gettext_noop("New recovery codes were made."),
    "socialaccount/messages/account_connected": gettext_noop("The account was linked."),
    "socialaccount/messages/account_connected_updated": gettext_noop("The account was linked."),
    "socialaccount/messages/account_connected_other": gettext_noop(
        "This account is linked to somebody else here."
    ),
    "socialaccount/messages/account_disconnected": gettext_noop("The account was unlinked."),
}


def text_of(template: str | None) -> str:
    """Return the message for a template's name, or an empty string where the page shows it."""
    found = _TEXTS.get((template or "").removesuffix(".txt"))
    return _(found) if found else ""

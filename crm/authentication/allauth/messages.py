"""Messages shown after an action, by the name of allauth's template."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_TEXTS: dict[str, Promise] = {
    "account/messages/email_confirmed": _("The address is confirmed."),
    "account/messages/email_confirmation_failed": _("This address cannot be used."),
    "account/messages/email_deleted": _("The change was taken back."),
    "account/messages/cannot_delete_primary_email": _("This is the address you log in with."),
    "account/messages/password_changed": _("The password was changed."),
    "account/messages/password_set": _("The password was set."),
    "mfa/messages/totp_activated": _("The authenticator app is set up."),
    "mfa/messages/totp_deactivated": _("The authenticator app was removed."),
    "mfa/messages/webauthn_added": _("The passkey was added."),
    "mfa/messages/webauthn_removed": _("The passkey was removed."),
    "mfa/messages/recovery_codes_generated": _("New recovery codes were made."),
    "socialaccount/messages/account_connected": _("The account was linked."),
    "socialaccount/messages/account_connected_updated": _("The account was linked."),
    "socialaccount/messages/account_connected_other": _(
        "This account is linked to somebody else here."
    ),
    "socialaccount/messages/account_disconnected": _("The account was unlinked."),
}


def text_of(template: str | None) -> str:
    """Return the message for a template's name, or an empty string where the page shows it."""
    found = _TEXTS.get((template or "").removesuffix(".txt"))
    return str(found) if found else ""

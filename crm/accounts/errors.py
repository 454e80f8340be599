"""What this app refuses."""

from django.utils.translation import gettext_noop

from config.errors import AppError, Invalid, NotFound, TooFast


class NoOrganization(AppError):
    code = "no_organization"
    status = 403
    message = gettext_noop(
        "You do not belong to an organization yet. Ask an administrator to add you."
    )


class WrongCredentials(Invalid):
    """The same for an unknown address, a wrong password and a switched-off account."""

    code = "wrong_credentials"
    message = gettext_noop("The e-mail address or the password is wrong. Check both and try again.")


class TooManyLogIns(TooFast):
    code = "too_many_log_ins"
    message = gettext_noop("Too many attempts to log in. Wait and try again.")


class OrganizationNotYours(NotFound):
    code = "organization_not_found"
    message = gettext_noop("There is no such organization, or you do not belong to it.")

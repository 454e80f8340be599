"""Errors of permissions."""

from django.utils.translation import gettext_noop

from crm.core.errors import Forbidden


class NoOrganization(Forbidden):
    code = "no_organization"
    message = gettext_noop(
        "You do not belong to an organization yet. Ask an administrator to add you."
    )


class SecondFactorMissing(Forbidden):
    code = "second_factor_missing"
    message = gettext_noop(
        "Your organization asks for a second factor. Set one up under Settings, Security."
    )


class PersonRequired(Forbidden):
    code = "person_required"
    message = gettext_noop(
        "An API key is no person and cannot do this. Use an access token of somebody's."
    )


class GrantsTooMuch(Forbidden):
    code = "grants_too_much"
    message = gettext_noop(
        "Nobody can give more rights than they have. Ask somebody whose role has these rights."
    )

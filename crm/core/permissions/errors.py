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


class ImpersonatingReadOnly(Forbidden):
    """An operator impersonates a member without permission to change anything."""

    code = "impersonating_read_only"
    message = gettext_noop(
        "You see this as somebody else. Nothing can be sent or changed in their name; stop first."
    )


class ImpersonatingForbidden(Forbidden):
    """An operator impersonates a member; no permission opens this then."""

    code = "impersonating_forbidden"
    message = gettext_noop(
        "This is closed while you see the application as somebody else. Stop first."
    )

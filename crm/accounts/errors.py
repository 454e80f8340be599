"""What this app refuses."""

from django.utils.translation import gettext_noop

from config.errors import AppError, Forbidden, Invalid, NotFound, TooFast


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


class GrantsTooMuch(Forbidden):
    code = "grants_too_much"
    message = gettext_noop(
        "Nobody can give more rights than they have. Ask somebody whose role has these rights."
    )


class OwnersOnly(Forbidden):
    code = "owners_only"
    message = gettext_noop("Only an owner can make somebody an owner, or change one.")


class LastOwner(AppError):
    code = "last_owner"
    status = 409
    message = gettext_noop(
        "An organization always has an owner. Make somebody else an owner first."
    )


class MemberNotFound(NotFound):
    code = "member_not_found"
    message = gettext_noop("There is no such member, or you may not see them.")


class RoleNotFound(NotFound):
    code = "role_not_found"
    message = gettext_noop("There is no such role. Load the page again.")


class RoleNameTaken(AppError):
    code = "role_name_taken"
    status = 409
    message = gettext_noop("Another role has this name. Choose another one.")


class RoleInUse(AppError):
    code = "role_in_use"
    status = 409
    message = gettext_noop("Members have this role. Give them another one first.")


class RoleChanged(AppError):
    code = "role_changed"
    status = 409
    message = gettext_noop(
        "Somebody else changed this role meanwhile. Load the page again and repeat your change."
    )


class TooManyRoles(AppError):
    code = "too_many_roles"
    status = 409
    message = gettext_noop("An organization can have 50 roles of its own. Delete one first.")


class TeamNotFound(NotFound):
    code = "team_not_found"
    message = gettext_noop("There is no such team. Load the page again.")


class TeamNameTaken(AppError):
    code = "team_name_taken"
    status = 409
    message = gettext_noop("Another team has this name. Choose another one.")


class TooManyTeams(AppError):
    code = "too_many_teams"
    status = 409
    message = gettext_noop("An organization can have 200 teams. Delete one first.")


class TeamFull(AppError):
    code = "team_full"
    status = 409
    message = gettext_noop("A team can have 200 members. Remove one first, or make another team.")

"""Errors of this app."""

from django.utils.translation import gettext_noop

from crm.core.errors import Conflict, Forbidden, Invalid, NotFound


class OrganizationNotYours(NotFound):
    code = "organization_not_found"
    message = gettext_noop("There is no such organization, or you do not belong to it.")


class OwnersOnly(Forbidden):
    code = "owners_only"
    message = gettext_noop("Only an owner can make somebody an owner, or change one.")


class LastOwner(Conflict):
    code = "last_owner"
    message = gettext_noop(
        "An organization always has an owner. Make somebody else an owner first."
    )


class MemberNotFound(NotFound):
    code = "member_not_found"
    message = gettext_noop("There is no such member, or you may not see them.")


class RoleNotFound(NotFound):
    code = "role_not_found"
    message = gettext_noop("There is no such role. Load the page again.")


class RoleNameTaken(Conflict):
    code = "role_name_taken"
    message = gettext_noop("Another role has this name. Choose another one.")


class RoleInUse(Conflict):
    code = "role_in_use"
    message = gettext_noop("Members have this role. Give them another one first.")


class TooManyRoles(Conflict):
    code = "too_many_roles"
    message = gettext_noop("An organization can have 50 roles of its own. Delete one first.")


class TeamNotFound(NotFound):
    code = "team_not_found"
    message = gettext_noop("There is no such team. Load the page again.")


class TeamNameTaken(Conflict):
    code = "team_name_taken"
    message = gettext_noop("Another team has this name. Choose another one.")


class TooManyTeams(Conflict):
    code = "too_many_teams"
    message = gettext_noop("An organization can have 200 teams. Delete one first.")


class TeamFull(Conflict):
    code = "team_full"
    message = gettext_noop("A team can have 200 members. Remove one first, or make another team.")


class UnknownSuccessor(Invalid):
    code = "unknown_successor"
    message = gettext_noop(
        "This person cannot take over: choose an active colleague whose role answers customers."
    )


class AlreadyDeactivated(Conflict):
    """Somebody else chose who takes over before."""

    code = "already_deactivated"
    message = gettext_noop(
        "Somebody deactivated this person before. Who takes over their open conversations was "
        "chosen then, and stays: %(successor)s."
    )


class InvitationNotFound(NotFound):
    """The same for an unknown, expired, used and revoked token."""

    code = "invitation_not_found"
    message = gettext_noop(
        "This invitation does not work any more. Ask whoever invited you for a new one."
    )


class InvitationForSomebodyElse(Forbidden):
    code = "invitation_for_somebody_else"
    message = gettext_noop(
        "This invitation was sent to another email address. Log in with that address."
    )


class AlreadyMember(Conflict):
    code = "already_member"
    message = gettext_noop("Somebody with this address is a member already.")


class TooManyInvitations(Conflict):
    code = "too_many_invitations"
    message = gettext_noop(
        "So many invitations wait for an answer that no more are sent. Take some back first."
    )


class NotYourself(Forbidden):
    code = "not_yourself"
    message = gettext_noop("You cannot do this to yourself. Leave the organization instead.")

"""Errors of this app."""

from django.utils.translation import gettext, gettext_noop

from crm.core.errors import AppError, Conflict, Forbidden, Invalid, NotFound, TooFast, Unauthorized


class NoOrganization(Forbidden):
    code = "no_organization"
    message = gettext_noop(
        "You do not belong to an organization yet. Ask an administrator to add you."
    )


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


class SavedViewNotFound(NotFound):
    code = "saved_view_not_found"
    message = gettext_noop("There is no such view, or it is not shared any more.")


class SavedViewNotYours(Forbidden):
    code = "saved_view_not_yours"
    message = gettext_noop(
        "Only its owner and who manages the settings can change a shared view. Save it as your own."
    )


class SavedViewNameTaken(Conflict):
    code = "saved_view_name_taken"
    message = gettext_noop("Another view of yours has this name. Choose another one.")


class TooManySavedViews(Conflict):
    code = "too_many_saved_views"
    message = gettext_noop("You can save 50 views of a list. Delete one first.")


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


class PersonRequired(Forbidden):
    code = "person_required"
    message = gettext_noop(
        "An API key is no person and cannot do this. Use an access token of somebody's."
    )


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


class UnknownSuccessor(Invalid):
    code = "unknown_successor"
    message = gettext_noop(
        "This person cannot take over: choose an active colleague whose role answers customers."
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


class SecondFactorMissing(Forbidden):
    code = "second_factor_missing"
    message = gettext_noop(
        "Your organization asks for a second factor. Set one up under Settings, Security."
    )


class AccessEnded(Forbidden):
    code = "session_expired"
    message = gettext_noop(
        "Your access ended. Log in again, or ask an administrator of your organization."
    )


class ImpersonatingReadOnly(Forbidden):
    """An operator impersonates a member without permission to change anything."""

    code = "impersonating_read_only"
    message = gettext_noop(
        "You see this as somebody else. Nothing can be sent or changed in their name; stop first."
    )


class ImpersonatingForbidden(Forbidden):
    code = "impersonating_forbidden"
    message = gettext_noop(
        "This is closed while you see the application as somebody else. Stop first."
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


class UndoNotFound(NotFound):
    code = "undo_not_found"
    message = gettext_noop("This can no longer be undone.")


class UndoImpossible(Conflict):
    code = "undo_impossible"
    message = gettext_noop(
        "This cannot be undone: something else has its name or its place by now."
    )


class OrganizationSwitched(Conflict):
    """A page of one organization was submitted while the session runs as another.

    ``organization`` is the page's, ``current_organization`` the session's.
    """

    code = "organization_switched"
    message = gettext_noop(
        "You switched to another organization in another tab. Nothing was changed; load the page "
        "again."
    )

    @classmethod
    def between(cls, *, current: str, other: str, ids: tuple[str, str]) -> "OrganizationSwitched":
        """Return the error with both organizations' names; ``ids`` are (current, other)."""
        extra = {"current_organization": ids[0], "organization": ids[1]}
        if not other:
            return cls(extra=extra)
        said = gettext(
            "You switched to %(current)s in another tab, but this page belongs to %(other)s. "
            "Nothing was changed."
        )
        return cls(said % {"current": current, "other": other}, extra=extra)


class OrganizationUnnamed(Conflict):
    code = "organization_unnamed"
    message = gettext_noop(
        "The page does not say to which of your organizations it belongs. Nothing was changed; "
        "load the page again."
    )


class PersonSwitched(Conflict):
    code = "person_switched"
    message = gettext_noop(
        "Somebody else has logged in to this browser since the page was opened. Nothing was "
        "changed."
    )


class FormSentBefore(Conflict):
    code = "form_sent_before"
    message = gettext_noop(
        "This form was sent before, and its answer is no longer shown. Load the page again."
    )

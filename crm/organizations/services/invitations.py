"""Services of invitations: invite, resend, revoke, accept."""

import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from crm.core import ratelimit, tenancy
from crm.core.errors import Forbidden
from crm.core.mail.services import queue_mail
from crm.core.permissions import (
    WRITE,
    ApiKeyPrincipal,
    Module,
    Principal,
    Rights,
    find_principal,
    require,
    require_team_grant,
)
from crm.core.text.normalization import normalize_line
from crm.core.undo.services import UndoImpossible, record_undoable, register_undo
from crm.organizations import emails
from crm.organizations.errors import (
    AlreadyMember,
    InvitationForSomebodyElse,
    InvitationNotFound,
    TooManyInvitations,
)
from crm.organizations.models import Invitation, Membership, Organization, Role, Team, User
from crm.organizations.services.guards import enter_settings, lock_rights, require_seat
from crm.organizations.services.roles import ChosenRole, chosen_role, require_may_give
from crm.organizations.services.teams import seat
from crm.organizations.signals import member_joined

logger = logging.getLogger(__name__)

MAX_OPEN = 200
SENT_TWICE = timedelta(minutes=1)
Address = Callable[[str], str]


@transaction.atomic
def invite(
    *, by: Principal, email: str, role: str, address_of: Address, team_id: UUID | None = None
) -> Invitation:
    """Invite an address to this organization by email.

    ``role`` as in `chosen_role`; ``address_of`` builds the email's link from the token. An open
    invitation of the same address is replaced: its token becomes invalid.
    """
    by = enter_settings(by)
    chosen = chosen_role(organization_id=by.organization_id, key=role)
    require_may_give(by, chosen)
    email = User.objects.normalize_email(email)
    _count(by, email)
    _require_no_member(by.organization_id, email)
    waiting = Invitation.objects.of(by.organization_id).open()
    waiting.filter(email=email).update(revoked_at=timezone.now())
    _require_room(by.organization_id)
    require_seat(by.organization_id)
    team = Team.objects.of(by.organization_id).filter(pk=team_id).first() if team_id else None
    if team is not None:
        _require_may_seat(by, team, chosen.rights)
    invitation = Invitation(
        organization_id=by.organization_id,
        email=email,
        role=chosen.role,
        custom_role=chosen.custom_role,
        team=team,
    )
    _send(invitation, by=by, address_of=address_of)
    return invitation


@transaction.atomic
def resend_invitation(*, by: Principal, invitation_id: UUID, address_of: Address) -> Invitation:
    """Send a new token with the full validity; the old one becomes invalid."""
    by = enter_settings(by)
    invitation = _locked(by.organization_id, invitation_id)
    _count(by, invitation.email)
    require_may_give(by, chosen_role(organization_id=by.organization_id, key=_role_key(invitation)))
    if invitation.expires_at <= timezone.now():
        # It held no place any more.
        require_seat(by.organization_id)
    _send(invitation, by=by, address_of=address_of)
    return invitation


@transaction.atomic
def revoke_invitation(*, by: Principal, invitation_id: UUID) -> UUID | None:
    """Revoke an invitation; return the id for `undo`."""
    by = enter_settings(by)
    invitation = _locked(by.organization_id, invitation_id)
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    return record_undoable(by=by, kind="invitation", data={"pk": str(invitation.pk)})


def _restore_invitation(by: Principal, data: dict[str, Any]) -> None:
    """Reactivate an invitation; raise where it may no longer be granted, no seat is free, or its
    address is a member's or was invited anew.
    """
    by = enter_settings(by)
    invitation = (
        Invitation.objects.of(by.organization_id)
        .select_for_update(of=("self",))
        .filter(pk=data["pk"], accepted_at__isnull=True, revoked_at__isnull=False)
        .first()
    )
    if invitation is None:
        raise InvitationNotFound
    _require_no_member(by.organization_id, invitation.email)
    if Invitation.objects.of(by.organization_id).open().filter(email=invitation.email).exists():
        # The newer one replaced it.
        raise UndoImpossible
    key = _role_key(invitation)
    require_may_give(by, chosen_role(organization_id=by.organization_id, key=key))
    _require_room(by.organization_id)
    require_seat(by.organization_id)
    invitation.revoked_at = None
    invitation.save(update_fields=["revoked_at"])


register_undo("invitation", _restore_invitation)


def invitation_of(token: str) -> Invitation:
    """Return the invitation of a token. Raise InvitationNotFound for any invalid one."""
    with tenancy.by_lookup(Invitation, token_hash=Invitation.hash_of(token)):
        found = (
            Invitation.objects.acceptable()
            .with_token(token)
            .select_related("organization", "custom_role", "invited_by__user")
            .first()
        )
        if found is None or not _is_still_granted(found):
            raise InvitationNotFound
    return found


def _require_no_member(organization_id: UUID, email: str) -> None:
    """Raise AlreadyMember if somebody with this address works here."""
    members = Membership.objects.active().in_organization(organization_id)
    if members.filter(user__email=email).exists():
        raise AlreadyMember


def _require_room(organization_id: UUID) -> None:
    """Raise TooManyInvitations if the organization cannot have another open one."""
    if Invitation.objects.of(organization_id).open().count() >= MAX_OPEN:
        raise TooManyInvitations


def _require_may_seat(by: Principal, team: Team, new: Rights) -> None:
    """Raise GrantsTooMuch if the team would give access beyond the inviter's, to the new member of
    these permissions too.
    """
    seats = team.seats.select_related("membership__custom_role")
    rights = {each.membership_id: each.membership.rights for each in seats}
    lead = rights.get(team.lead_id) if team.lead_id else None
    require_team_grant(by, [*rights.values(), new], lead=lead)


def _is_still_granted(invitation: Invitation, present: Membership | None = None) -> bool:
    """Return whether the sender may still grant the invitation's role, and the seat in its team.

    A member who accepts it keeps their own role, so ``present`` is who would be seated.
    """
    sender: Principal | None = None
    if invitation.invited_by_id is not None:
        sender = (
            Membership.objects.admitting(invitation.sent_at)
            .with_rights()
            .filter(pk=invitation.invited_by_id)
            .first()
        )
    elif invitation.invited_by_key_id is not None:
        sender = find_principal(
            ApiKeyPrincipal.kind,
            organization_id=invitation.organization_id,
            identity=invitation.invited_by_key_id,
            granted_at=invitation.sent_at,
        )
    if sender is None:
        return False
    try:
        require(sender, Module.SETTINGS, WRITE)
        chosen = ChosenRole(Role(invitation.role), invitation.custom_role)
        require_may_give(sender, chosen)
        if invitation.team is not None:
            _require_may_seat(sender, invitation.team, (present or chosen).rights)
    except Forbidden:
        return False
    return True


def _was_let_go_since(membership: Membership | None, invitation: Invitation) -> bool:
    """Return whether the invited member left or was deactivated after the invitation was sent.

    It is void like whatever else granted access before; who is to come back is invited anew.
    """
    if membership is None or membership.is_active or membership.access_from is None:
        return False
    return invitation.sent_at < membership.access_from


@transaction.atomic
def accept_invitation(*, token: str, user: User) -> Membership:
    """Add the invited user to the organization; the token is valid once."""
    found = invitation_of(token)
    with tenancy.organization(found.organization_id):
        return _accept(found, user)


def _accept(found: Invitation, user: User) -> Membership:
    lock_rights(found.organization_id)
    invitation = Invitation.objects.acceptable().select_for_update().filter(pk=found.pk).first()
    theirs = Membership.objects.in_organization(found.organization_id).filter(user=user)
    before = theirs.select_related("custom_role").first()
    present = before if before is not None and before.is_active else None
    if (
        invitation is None
        or invitation.token_hash != found.token_hash
        or _was_let_go_since(before, invitation)
        or not _is_still_granted(invitation, present)
    ):
        raise InvitationNotFound
    if user.email != invitation.email:
        raise InvitationForSomebodyElse
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    if present is None:
        # The invitation held a place, but the plan may have become smaller since.
        require_seat(invitation.organization_id)
    return _join(invitation, user)


@transaction.atomic
def accept_as_newcomer(
    *, token: str, name: str, password: str, language_code: str, timezone_name: str
) -> Membership:
    """Create an account for the invited address, which the token verifies, and add it."""
    email = invitation_of(token).email
    user = User(email=email, name=name, language_code=language_code, timezone=timezone_name)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        # Signed up meanwhile: they log in, and accept then.
        raise InvitationForSomebodyElse from error
    user.emailaddress_set.create(email=email, primary=True, verified=True)  # type: ignore[attr-defined]
    return accept_invitation(token=token, user=user)


def membership_just_made(*, token: str, user: User) -> Membership | None:
    """Return the membership that this user accepted moments ago, for a form sent twice."""
    accepted = _just_accepted(token)
    if accepted is None or accepted.email != user.email:
        return None
    with tenancy.organization(accepted.organization_id):
        return (
            Membership.objects.filter(
                organization_id=accepted.organization_id, user=user, is_active=True
            )
            .select_related("organization")
            .first()
        )


def newcomer_just_made(*, token: str, name: str) -> User | None:
    """Return the account created moments ago with this token and name, for a form sent twice."""
    accepted = _just_accepted(token)
    if accepted is None:
        return None
    return User.objects.filter(
        email=accepted.email,
        name=normalize_line(name),
        created_at__gt=timezone.now() - SENT_TWICE,
    ).first()


def _just_accepted(token: str) -> Invitation | None:
    since = timezone.now() - SENT_TWICE
    with tenancy.by_lookup(Invitation, token_hash=Invitation.hash_of(token)):
        return Invitation.objects.with_token(token).filter(accepted_at__gt=since).first()


def _join(invitation: Invitation, user: User) -> Membership:
    membership, _created = Membership.objects.select_for_update().get_or_create(
        organization_id=invitation.organization_id, user=user
    )
    if not (membership.is_active and not _created):
        membership.role, membership.custom_role = invitation.role, invitation.custom_role
        membership.is_active, membership.successor = True, None
        membership.save(
            update_fields=["role", "custom_role", "is_active", "successor", "updated_at"]
        )
    if invitation.team_id:
        seat(
            organization_id=invitation.organization_id,
            team_id=invitation.team_id,
            membership_ids=[membership.pk],
        )
    _announce(membership)
    return membership


def _announce(membership: Membership) -> None:
    payload = {
        "organization_id": membership.organization_id,
        "membership_id": membership.pk,
        "user_id": membership.user_id,
    }
    transaction.on_commit(
        lambda: member_joined.send_robust(sender=Membership, **payload), robust=True
    )
    logger.info(
        "Somebody joined an organization.",
        extra={"metadata": {"action": "organizations.join", "membership": str(membership.pk)}},
    )


def _count(by: Principal, email: str) -> None:
    """Count an email, by the organization and by who gets it from whomever. Raise
    RateLimitExceeded.
    """
    ratelimit.enforce("invitation", {"organization": by.organization_id, "recipient": email})


def _send(invitation: Invitation, *, by: Principal, address_of: Address) -> None:
    token = secrets.token_urlsafe(32)
    now = timezone.now()
    # Whoever sends it again answers for it from now on.
    invitation.invited_by = by if isinstance(by, Membership) else None
    invitation.invited_by_key_id = UUID(by.key_id) if isinstance(by, ApiKeyPrincipal) else None
    invitation.token_hash = Invitation.hash_of(token)
    invitation.sent_at = now
    invitation.expires_at = now + timedelta(days=settings.INVITATION_DAYS)
    invitation.save()
    organization = Organization.objects.get(pk=invitation.organization_id)
    reader = User.objects.filter(email=invitation.email).first()
    context = {
        "by": by.actor_name,
        "organization": organization.name,
        "role": invitation.role_name,
        "days": settings.INVITATION_DAYS,
        "url": address_of(token),
    }
    queue_mail(
        kind="invitation",
        to=invitation.email,
        language_code=reader.language_code if reader else organization.language_code,
        compose=lambda: emails.invitation(context | {"role": invitation.role_name}),
    )


def _locked(organization_id: UUID, invitation_id: UUID) -> Invitation:
    invitation = (
        Invitation.objects.of(organization_id)
        .open()
        .select_for_update()
        .filter(pk=invitation_id)
        .first()
    )
    if invitation is None:
        raise InvitationNotFound
    return invitation


def _role_key(invitation: Invitation) -> str:
    return str(invitation.custom_role_id or invitation.role)

"""Services of profiles and organizations."""

from uuid import UUID

from allauth.mfa.utils import is_mfa_enabled
from django.db import transaction
from django.utils.translation import gettext

from crm.accounts.errors import SecondFactorMissing
from crm.accounts.models import Membership, Organization, User
from crm.accounts.permissions import Principal
from crm.accounts.services.owners import enter_settings
from crm.core import realtime
from crm.core.versions import check_version


@transaction.atomic
def update_profile(*, user_id: UUID, version: int | None = None, **changes: str) -> User:
    """Change name, phone, language_code or timezone; others are unchanged.

    ``version`` is the version that the edit was made from. Raise EditedMeanwhile.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    check_version(user, version)
    for field, value in changes.items():
        setattr(user, field, value)
    user.save(update_fields=[*changes, "updated_at"])
    return user


@transaction.atomic
def update_organization(
    *, organization_id: UUID, version: int | None = None, **changes: str
) -> Organization:
    """Change name, language_code or timezone; others are unchanged. Raise EditedMeanwhile."""
    organization = Organization.objects.select_for_update().get(pk=organization_id)
    check_version(organization, version)
    for field, value in changes.items():
        setattr(organization, field, value)
    organization.save(update_fields=[*changes, "updated_at"])
    return organization


@transaction.atomic
def set_second_factor_rule(*, by: Principal, is_required: bool) -> Organization:
    """Set whether the organization requires a second factor.

    Raise SecondFactorMissing where the principal has none: they would exclude themselves.
    """
    by = enter_settings(by)
    if is_required and isinstance(by, Membership) and not is_mfa_enabled(by.user):
        raise SecondFactorMissing(gettext("Set up a second factor of your own first."))
    organization = Organization.objects.select_for_update().get(pk=by.organization_id)
    organization.requires_second_factor = is_required
    organization.save(update_fields=["requires_second_factor", "updated_at"])
    announce_factor_rule(organization)
    return organization


def announce_factor_rule(organization: Organization) -> None:
    """Close all members' sockets if a second factor is required from now on."""
    if organization.requires_second_factor:
        # Who has none is led to set one up when their page connects again.
        members = Membership.objects.active().in_organization(organization.pk)
        people = members.values_list("user_id", flat=True)
        realtime.kick(*(realtime.user_group(user_id) for user_id in people))

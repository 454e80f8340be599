"""Services of organizations: create, edit, and what operators do with one as a whole."""

import logging
import secrets
from uuid import UUID

from allauth.mfa.utils import is_mfa_enabled
from django.db import transaction
from django.utils.text import slugify
from django.utils.timezone import now
from django.utils.translation import gettext

from crm.core import quotas, realtime, tenancy
from crm.core.permissions import Principal
from crm.core.permissions.errors import SecondFactorMissing
from crm.core.revocation import revoke_access
from crm.core.text.folding import search_key
from crm.core.versions import check_version
from crm.organizations.models import Membership, Organization, Role, User
from crm.organizations.services.currencies import require_no_rates, usual_currency
from crm.organizations.services.guards import enter_settings
from crm.organizations.signals import currency_changed

logger = logging.getLogger(__name__)

_LONGEST_SLUG = 63


@transaction.atomic
def create_organization(*, name: str, slug: str, language_code: str, timezone: str) -> Organization:
    """Create an organization, or return the one with this slug."""
    organization, _created = Organization.objects.get_or_create(
        slug=slug,
        defaults={
            "name": name,
            "language_code": language_code,
            "timezone": timezone,
            "currency": usual_currency(language_code),
        },
    )
    return organization


@transaction.atomic
def found_organization(*, user: User, name: str) -> Membership:
    """Create an organization with this user as its owner, in their language and time zone."""
    organization = Organization(
        name=name,
        slug=_free_slug(name),
        language_code=user.language_code,
        timezone=user.timezone,
        currency=usual_currency(user.language_code),
    )
    with tenancy.organization(organization.pk):
        organization.save(force_insert=True)
        quotas.organization_created(organization_id=organization.pk)
        return Membership.objects.create(organization=organization, user=user, role=Role.OWNER)


@transaction.atomic
def update_organization(
    *, organization_id: UUID, version: int | None = None, **changes: str
) -> Organization:
    """Change name, language_code, timezone or currency; others are unchanged.

    Raise EditedMeanwhile, and InvalidField for a currency while amounts are kept in another one.
    """
    organization = Organization.objects.select_for_update().get(pk=organization_id)
    check_version(organization, version)
    has_new_currency = changes.get("currency", organization.currency) != organization.currency
    if has_new_currency:
        require_no_rates(organization_id)
    for field, value in changes.items():
        setattr(organization, field, value)
    organization.save(update_fields=[*changes, "updated_at"])
    if has_new_currency:
        currency_changed.send(sender=Organization, organization_id=organization_id)
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


@transaction.atomic
def deactivate_organization(*, organization_id: UUID) -> None:
    """Deactivate an organization: members, programs, keys and widgets. Nothing is deleted.

    Members of other organizations keep working there. Sessions, tokens and visitor tokens are void
    also after a reactivation; keys and widgets are only suspended.
    """
    organization = Organization.objects.select_for_update().get(pk=organization_id)
    if organization.is_active:
        organization.is_active, organization.access_from = False, now()
        organization.save(update_fields=["is_active", "access_from", "updated_at"])
    revoke_access(organization_id=organization_id)
    members = Membership.objects.belonging().in_organization(organization_id)
    user_ids = members.values_list("user_id", flat=True)
    # Open pages of members show it; what they may see elsewhere they load anew.
    realtime.kick(
        realtime.visitors_group(organization_id),
        *(realtime.user_group(each) for each in user_ids),
    )
    _log("An organization was switched off.", "deactivate_organization", organization_id)


@transaction.atomic
def reactivate_organization(*, organization_id: UUID) -> None:
    """Reactivate an organization with its members, keys and widgets."""
    organization = Organization.objects.select_for_update().get(pk=organization_id)
    if not organization.is_active:
        organization.is_active = True
        organization.save(update_fields=["is_active", "updated_at"])
    _log("An organization was switched on.", "reactivate_organization", organization_id)


def _log(sentence: str, action: str, organization_id: UUID) -> None:
    metadata = {"action": f"organizations.{action}", "organization_id": str(organization_id)}
    logger.info(sentence, extra={"metadata": metadata})


def _free_slug(name: str) -> str:
    # Random, so that nobody learns by trying who else is here.
    stem = slugify(search_key(name))[: _LONGEST_SLUG - 9].strip("-") or "organization"
    return f"{stem}-{secrets.token_hex(4)}"

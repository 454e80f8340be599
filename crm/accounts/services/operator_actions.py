"""Operators' services for users and organizations as a whole."""

import logging
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.password_reset import request_password_reset
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from crm.accounts.errors import NotYourself
from crm.accounts.models import ApiKey, EndReason, Membership, Organization, TokenFamily, User
from crm.accounts.services.access import end_access
from crm.accounts.services.token_families import end_families
from crm.core import realtime

logger = logging.getLogger(__name__)


@transaction.atomic
def deactivate_user(*, user_id: UUID, by: User) -> None:
    """Deactivate a user in the whole installation and end their access. Raise NotYourself."""
    if user_id == by.pk:
        raise NotYourself(gettext("You cannot switch yourself off. Let another operator do it."))
    user = User.objects.select_for_update().get(pk=user_id)
    if user.is_active:
        user.is_active, user.access_from = False, timezone.now()
        user.save(update_fields=["is_active", "access_from", "updated_at"])
    end_access(user_id=user_id, because=EndReason.DEACTIVATED)
    _log("A person was switched off.", "accounts.deactivate_user", user_id=user_id)


@transaction.atomic
def reactivate_user(*, user_id: UUID) -> None:
    """Reactivate a user; ended sessions and tokens stay ended."""
    user = User.objects.select_for_update().get(pk=user_id)
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active", "updated_at"])
    _log("A person was switched on.", "accounts.reactivate_user", user_id=user_id)


@transaction.atomic
def reset_second_factor(*, user_id: UUID) -> None:
    """Remove all second factors of a user who lost them; end their access and notify them."""
    user = User.objects.select_for_update().get(pk=user_id)
    removed, _each = Authenticator.objects.filter(user=user).delete()
    if not removed:
        return
    end_access(user_id=user_id, because=EndReason.FACTORS_CHANGED)
    get_adapter().send_notification_mail("mfa/email/totp_deactivated", user)
    _log("A second factor was reset.", "accounts.reset_second_factor", user_id=user_id)


def send_password_reset(*, request: HttpRequest, user: User) -> None:
    """Send the email of "Forgot your password?"."""
    request_password_reset(request, user.email, [user], None)
    _log("A password link was sent.", "accounts.send_password_reset", user_id=user.pk)


@transaction.atomic
def deactivate_organization(*, organization_id: UUID) -> None:
    """Deactivate an organization: members, programs, keys and widgets. Nothing is deleted.

    Members of other organizations keep working there. Sessions, tokens and visitor tokens are void
    also after a reactivation; keys and widgets are only suspended.
    """
    organization = Organization.objects.select_for_update().get(pk=organization_id)
    if organization.is_active:
        organization.is_active, organization.access_from = False, timezone.now()
        organization.save(update_fields=["is_active", "access_from", "updated_at"])
    families = TokenFamily.objects.live().filter(organization_id=organization_id)
    for user_id, family_id in list(families.values_list("user_id", "pk")):
        end_families(user_id=user_id, because=EndReason.DEACTIVATED, family_id=family_id)
    members = Membership.objects.belonging().in_organization(organization_id)
    user_ids = members.values_list("user_id", flat=True)
    key_ids = ApiKey.objects.of(organization_id).live().values_list("pk", flat=True)
    # Open pages of members show it; what they may see elsewhere they load anew.
    realtime.kick(
        realtime.visitors_group(organization_id),
        *(realtime.user_group(each) for each in user_ids),
        *(realtime.key_group(each) for each in key_ids),
    )
    _log(
        "An organization was switched off.",
        "accounts.deactivate_organization",
        organization_id=organization_id,
    )


@transaction.atomic
def reactivate_organization(*, organization_id: UUID) -> None:
    """Reactivate an organization with its members, keys and widgets."""
    organization = Organization.objects.select_for_update().get(pk=organization_id)
    if not organization.is_active:
        organization.is_active = True
        organization.save(update_fields=["is_active", "updated_at"])
    _log(
        "An organization was switched on.",
        "accounts.reactivate_organization",
        organization_id=organization_id,
    )


def _log(sentence: str, action: str, **ids: UUID) -> None:
    told = {name: str(value) for name, value in ids.items()}
    logger.info(sentence, extra={"metadata": {"action": action, **told}})

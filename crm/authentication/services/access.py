"""Services that end access: of a user, of a member, and what operators do with a user's account."""

import logging
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.password_reset import request_password_reset
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from crm.authentication.models import ApiKey, EndReason, TokenFamily
from crm.authentication.services.sessions import end_sessions
from crm.authentication.services.token_families import end_families
from crm.core import realtime
from crm.core.revocation import register_revoker
from crm.organizations.errors import NotYourself
from crm.organizations.models import User

logger = logging.getLogger(__name__)


@transaction.atomic
def end_access(*, user_id: UUID, because: EndReason, spared_id: str | None = None) -> None:
    """End a user's sessions, tokens and sockets at once, except the spared session.

    Used after changes of password or factors and for deactivation. Sockets without a session or
    token close too, unless a session is spared.
    """
    end_sessions(user_id=user_id, because=because, spared_id=spared_id)
    end_families(user_id=user_id, because=because)
    if spared_id is None:
        realtime.close_sockets(user_id=user_id)


def _revoke(*, organization_id: UUID, user_id: UUID | None) -> None:
    """End the log-ins of programs in an organization; of everybody, also its keys' requests."""
    if user_id is not None:
        users = {user_id}
    else:
        live = TokenFamily.objects.live().filter(organization_id=organization_id)
        users = set(live.values_list("user_id", flat=True))
        keys = ApiKey.objects.of(organization_id).live().values_list("pk", flat=True)
        realtime.kick(*(realtime.key_group(each) for each in keys))
    for each in sorted(users):
        end_families(user_id=each, because=EndReason.DEACTIVATED, organization_id=organization_id)


register_revoker(_revoke)


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
    _log("A person was switched off.", "authentication.deactivate_user", user_id=user_id)


@transaction.atomic
def reactivate_user(*, user_id: UUID) -> None:
    """Reactivate a user; ended sessions and tokens stay ended."""
    user = User.objects.select_for_update().get(pk=user_id)
    if not user.is_active:
        user.is_active = True
        user.save(update_fields=["is_active", "updated_at"])
    _log("A person was switched on.", "authentication.reactivate_user", user_id=user_id)


@transaction.atomic
def reset_second_factor(*, user_id: UUID) -> None:
    """Remove all second factors of a user who lost them; end their access and notify them."""
    user = User.objects.select_for_update().get(pk=user_id)
    removed, _each = Authenticator.objects.filter(user=user).delete()
    if not removed:
        return
    end_access(user_id=user_id, because=EndReason.FACTORS_CHANGED)
    get_adapter().send_notification_mail("mfa/email/totp_deactivated", user)
    _log("A second factor was reset.", "authentication.reset_second_factor", user_id=user_id)


def send_password_reset(*, request: HttpRequest, user: User) -> None:
    """Send the email of "Forgot your password?"."""
    request_password_reset(request, user.email, [user], None)
    _log("A password link was sent.", "authentication.send_password_reset", user_id=user.pk)


def _log(sentence: str, action: str, **ids: UUID) -> None:
    details = {name: str(value) for name, value in ids.items()}
    logger.info(sentence, extra={"metadata": {"action": action, **details}})

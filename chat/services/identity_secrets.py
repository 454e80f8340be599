"""Services of visitor identity secrets."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chat.errors import SecretNotFound, TooManySecrets, WidgetNotFound
from chat.identity import seal_secret
from chat.models import IdentitySecret, Widget
from crm.billing.metrics import Feature
from crm.billing.services import require_feature
from crm.core import realtime
from crm.core.permissions import (
    WRITE,
    Module,
    Principal,
    may_grant,
    require,
    require_grant,
    rights_of_scopes,
)
from crm.core.permissions.errors import PersonRequired
from crm.organizations.services.guards import enter_settings

MAX_SECRETS = 3
# What the holder of a secret can do: be any identified visitor, with their conversations and facts.
SECRET_RIGHTS = rights_of_scopes(["inbox:write", "customers:write"])


@dataclass(frozen=True, slots=True)
class NewIdentitySecret:
    """``text`` is shown once."""

    secret: IdentitySecret
    text: str


@transaction.atomic
def add_identity_secret(*, by: Principal, widget_id: UUID) -> NewIdentitySecret:
    """Add a secret to a widget; the earlier ones stay valid.

    Raise PersonRequired for an API key, GrantsTooMuch without `SECRET_RIGHTS`, TooManySecrets.
    """
    by = enter_settings(by)
    if by.user_id is None:
        raise PersonRequired
    require_grant(by, SECRET_RIGHTS)
    require_feature(Feature.VISITOR_IDENTITY, organization_id=by.organization_id)
    widget = (
        Widget.objects.select_for_update()
        .filter(organization_id=by.organization_id, pk=widget_id)
        .first()
    )
    if widget is None:
        raise WidgetNotFound
    if widget.identity_secrets.filter(revoked_at__isnull=True).count() >= MAX_SECRETS:
        raise TooManySecrets
    kid, text = secrets.token_hex(4), secrets.token_urlsafe(32)
    secret = IdentitySecret.objects.create(
        organization_id=by.organization_id,
        widget=widget,
        kid=kid,
        sealed=seal_secret(kid, text),
        created_by_id=by.user_id,
    )
    return NewIdentitySecret(secret=secret, text=text)


def may_add_secrets(by: Principal) -> bool:
    """Return whether a principal has all rights that a secret gives."""
    return by.may(Module.SETTINGS, WRITE) and may_grant(by, SECRET_RIGHTS)


@transaction.atomic
def end_identity_secret(*, by: Principal, secret_id: UUID) -> IdentitySecret:
    """Revoke a secret; its signatures are no longer accepted. Safe to repeat."""
    require(by, Module.SETTINGS, WRITE)
    secret = (
        IdentitySecret.objects.select_for_update()
        .filter(organization_id=by.organization_id, pk=secret_id)
        .first()
    )
    if secret is None:
        raise SecretNotFound
    if secret.revoked_at is None:
        secret.revoked_at = timezone.now()
        secret.save(update_fields=["revoked_at"])
        # Whoever it proved is nobody in particular again.
        realtime.kick(realtime.visitors_group(by.organization_id), secret=str(secret.pk))
    return secret

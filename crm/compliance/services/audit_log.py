"""Services that audit events without a changed row."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from crm.compliance.actor import Actor, current_actor, set_actor
from crm.compliance.models import INSTALLATION, ActorKind
from crm.core.ids import uuid7
from crm.organizations.models import Membership, User

MAX_ORGANIZATIONS = 100


@transaction.atomic
def record(
    *,
    organization_id: UUID | None,
    action: str,
    object_type: str,
    object_id: str = "",
    details: Mapping[str, Any] | None = None,
    subject: str | None = None,
    values: Mapping[str, Any] | None = None,
    actor: Actor | None = None,
) -> None:
    """Record an event in the audit if the transaction commits.

    ``values`` concern ``subject`` (``user:<id>``) and can be erased; ``details`` cannot. Without an
    organization it goes into the installation's own chain.
    """
    actor = actor or current_actor()
    row: list[Any] = [
        uuid7(),
        organization_id or INSTALLATION,
        actor.kind,
        actor.id,
        action,
        object_type,
        object_id,
        json.dumps(dict(details or {})),
        subject,
        json.dumps(dict(values)) if values else None,
        actor.address,
    ]
    with connection.cursor() as cursor:
        set_actor(cursor)
        cursor.execute(
            "INSERT INTO compliance_auditnotice (id, organization_id, actor_kind, actor_id, action,"
            " object_type, object_id, details, subject, data, address)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s::jsonb, %s)",
            row,
        )


@transaction.atomic
def record_refused_log_in(*, email: str, address: str, method: str) -> None:
    """Record a failed log-in in every organization of the user.

    For an unknown address it is recorded in the installation's chain only.
    """
    user = User.objects.filter(email=email).first()
    entry: dict[str, Any] = {
        "action": "log_in.refused",
        "object_type": "user",
        "object_id": str(user.pk) if user else "",
        "details": {"method": method},
        "subject": f"user:{user.pk}" if user else None,
        "values": {"email": [None, email]},
        "actor": Actor(ActorKind.NOBODY, "", address or None),
    }
    theirs = Membership.objects.of(user).active() if user else Membership.objects.none()
    organizations = sorted(theirs.values_list("organization_id", flat=True)[:MAX_ORGANIZATIONS])
    for organization_id in organizations or [INSTALLATION]:
        record(organization_id=organization_id, **entry)

"""Revocation of all of a user's access."""

from uuid import UUID

from django.db import transaction

from crm.accounts.models import EndReason
from crm.accounts.services.sessions import end_sessions
from crm.accounts.services.token_families import end_families
from crm.core import realtime


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

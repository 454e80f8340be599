"""The announcement of who will answer after an escalation."""

from uuid import UUID

from redis.exceptions import RedisError

from chat import presence
from chat.bot_texts import Line
from crm.core.permissions import WRITE, Module
from crm.organizations.models import Membership


def who_comes(organization_id: UUID) -> Line:
    """Return the message key that tells a customer who will answer and when.

    It depends on whether a member who may answer is online now; without Redis it promises no time.
    """
    try:
        online = [UUID(person["id"]) for person in presence.online(organization_id)]
    except RedisError:
        return Line.SOMEBODY_COMES
    is_anybody = (
        Membership.objects.active()
        .in_organization(organization_id)
        .who_may(Module.INBOX, WRITE)
        .filter(user__in=online)
        .exists()
    )
    return Line.TEAM_ONLINE if is_anybody else Line.TEAM_AWAY

"""Who comes when the bot hands over, as far as it is known."""

from uuid import UUID

from redis.exceptions import RedisError

from chat import presence
from chat.bot_texts import Line
from crm.accounts.models import Membership
from crm.accounts.permissions import WRITE, Area


def who_comes(organization_id: UUID) -> Line:
    """Return what a customer is told of who will answer and when.

    Only what is known is promised: whether somebody who may answer is online now.
    """
    try:
        online = [UUID(person["id"]) for person in presence.online(organization_id)]
    except RedisError:
        return Line.SOMEBODY_COMES
    is_anybody = (
        Membership.objects.active()
        .in_organization(organization_id)
        .who_may(Area.INBOX, WRITE)
        .filter(user__in=online)
        .exists()
    )
    return Line.TEAM_ONLINE if is_anybody else Line.TEAM_AWAY

"""What somebody may do, for templates: the same table that services and querysets ask."""

from typing import Any

from django import template

from crm.accounts.models import Membership
from crm.accounts.permissions import Action, Area

register = template.Library()


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any], area: str, action: str = "read") -> bool:
    """Say whether who looks has this right anywhere: ``{% may "knowledge" "write" as it %}``."""
    membership: Membership | None = context.get("membership")
    return membership is not None and membership.may(Area(area), Action(action))

"""Permissions in templates: the same table that services and querysets use."""

from typing import Any

from django import template

from crm.core.permissions import Action, Module, Principal

register = template.Library()


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any], area: str, action: str = "read") -> bool:
    """Return whether the member has this permission: ``{% may "knowledge" "write" as it %}``."""
    membership: Principal | None = context.get("membership")
    return membership is not None and membership.may(Module(area), Action(action))

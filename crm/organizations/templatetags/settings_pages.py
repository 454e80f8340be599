"""Template tags of the settings' navigation."""

from typing import Any

from django import template

from crm.organizations.models import Membership
from crm.organizations.settings_navigation import MENU, SettingsPage

register = template.Library()


@register.simple_tag(takes_context=True)
def settings_groups(context: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the groups with the pages offered to this user; empty groups are left out."""
    membership: Membership | None = getattr(context["request"], "membership", None) or None
    groups: list[dict[str, Any]] = []
    for group in MENU:
        pages: list[SettingsPage] = group.offered_to(membership)
        if pages:
            groups.append({"title": group.title, "pages": pages})
    return groups

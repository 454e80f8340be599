"""Template filters of the operator's overview."""

from django import template
from django.utils.translation import gettext, ngettext

register = template.Library()

_STORES = {"postgresql": "PostgreSQL", "mongodb": "MongoDB", "redis": "Redis", "qdrant": "Qdrant"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@register.filter
def store_name(name: str) -> str:
    return _STORES.get(name, name)


@register.filter
def bounded(count: int, most: int) -> str:
    """Format a count that stops at ``most``."""
    return gettext("%(most)s or more") % {"most": most} if count >= most else str(count)


@register.filter
def span(seconds: float) -> str:
    """Format a duration in seconds, minutes, hours or days."""
    whole = int(seconds)
    if whole < 2 * _MINUTE:
        return ngettext("%(count)d second", "%(count)d seconds", whole) % {"count": whole}
    if whole < 2 * _HOUR:
        minutes = whole // _MINUTE
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    if whole < 2 * _DAY:
        hours = whole // _HOUR
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    days = whole // _DAY
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


@register.filter
def seconds_ago(seconds: float) -> str:
    return gettext("%(span)s ago") % {"span": span(seconds)}

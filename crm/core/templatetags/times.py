"""Relative times, localized as a complete phrase."""

from datetime import datetime, timedelta

from django import template
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()

_MINUTE, _HOUR, _DAY, _WEEK = (
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=7),
)


@register.filter
def ago(moment: datetime | None) -> str:
    """Return "just now", "21 minutes ago" and the like; from a week on, the date."""
    if moment is None:
        return ""
    passed = timezone.now() - moment
    if passed < _MINUTE:
        return _("just now")
    if passed < _HOUR:
        count = passed // _MINUTE
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", count) % {"count": count}
    if passed < _DAY:
        count = passed // _HOUR
        return ngettext("%(count)d hour ago", "%(count)d hours ago", count) % {"count": count}
    if passed < _WEEK:
        count = passed // _DAY
        return ngettext("%(count)d day ago", "%(count)d days ago", count) % {"count": count}
    return formats.date_format(timezone.localtime(moment), "DATE_FORMAT")

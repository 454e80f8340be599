"""The range of all times that somebody may enter.

At the ends of the calendar a time cannot be converted to every time zone, and a stored one would
break each page that shows it.
"""

from datetime import UTC, datetime

from django.utils.translation import gettext_lazy as _

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9998, 12, 31, tzinfo=UTC)
OUT_OF_RANGE = _("Choose a time between the years 1970 and 9998.")


def is_in_range(moment: datetime) -> bool:
    """Return whether an aware time can be stored and shown in every time zone."""
    return EARLIEST <= moment <= LATEST

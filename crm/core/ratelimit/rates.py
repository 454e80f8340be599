"""The table of rate limits, by endpoint and kind of key."""

import re
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

OFF = "off"
_FORM = re.compile(
    r"(?P<count>[1-9]\d{0,8})/(?P<seconds>[1-9]\d{0,6})(?:/(?P<burst>[1-9]\d{0,8}))?"
)


class BadRate(ValueError):
    """An invalid rate; the message describes the syntax."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` requests per ``seconds``, of which ``burst`` may come at once."""

    count: int
    seconds: int
    burst: int

    @property
    def interval(self) -> float:
        """Return the seconds per request."""
        return self.seconds / self.count

    @property
    def window(self) -> float:
        """Return the seconds in which a burst is refilled."""
        return self.burst * self.interval


@lru_cache(maxsize=512)
def parse_rate(text: str) -> Rate | None:
    """Parse ``600/60`` (per 60 seconds, burst 600), ``600/60/20`` or ``off``."""
    if text == OFF:
        return None
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadRate(f'"{text[:40]}" is no rate: write 600/60, 600/60/20 (20 at once) or off.')
    count = int(found["count"])
    return Rate(count=count, seconds=int(found["seconds"]), burst=int(found["burst"] or count))


def rate_of(name: str) -> Rate | None:
    """Return the rate of ``endpoint.kind``; None where it is disabled."""
    return parse_rate(settings.RATE_LIMITS[name])

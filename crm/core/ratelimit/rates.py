"""The table of limits: what is allowed, by endpoint and by whom it is counted."""

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
    """``count`` requests in ``seconds`` for ever, of which ``burst`` may come at once."""

    count: int
    seconds: int
    burst: int

    @property
    def interval(self) -> float:
        """Seconds in which one request is earned."""
        return self.seconds / self.count

    @property
    def window(self) -> float:
        """Seconds in which a burst is earned."""
        return self.burst * self.interval


@lru_cache(maxsize=512)
def parse_rate(text: str) -> Rate | None:
    """Read ``600/60`` (in 60 seconds, all at once if need be), ``600/60/20`` or ``off``."""
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

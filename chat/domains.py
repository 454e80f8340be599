"""Allowed domains of a widget, normalized from user input."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.core.text.domains import AROUND, DEFAULT_PORTS, InvalidDomain, normalize_domain

MAX_DOMAINS = 100
# A developer's own machine, which shows the same site on any port.
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class InvalidDomains(ValueError):
    """Invalid lines: ``errors`` has a message for each, with its line number."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors


def normalize_domains(lines: Iterable[str]) -> list[str]:
    """Return the normalized domains of these lines, each once. Raise InvalidDomains."""
    found: dict[str, None] = {}
    errors = []
    for number, line in enumerate(lines, start=1):
        if not line.strip(AROUND):
            continue
        try:
            found[normalize_domain(line)] = None
        except InvalidDomain as error:
            errors.append(_("Line %(number)d: %(reason)s") % {"number": number, "reason": error})
    if len(found) > MAX_DOMAINS:
        errors.append(
            ngettext(
                "At most %(count)d domain is possible. Use *.shop.example for many of one site.",
                "At most %(count)d domains are possible. Use *.shop.example for many of one site.",
                MAX_DOMAINS,
            )
            % {"count": MAX_DOMAINS}
        )
    if errors:
        raise InvalidDomains(errors)
    return list(found)


def domain_of_origin(origin: str) -> str | None:
    """Return the normalized domain of an ``Origin`` header, or None."""
    try:
        parts = urlsplit(origin)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            return None
        return normalize_domain(origin)
    except ValueError:
        return None

"""Redirect targets from requests: one rule for every ``next``.

Only a path of this host is accepted. A relative reference (``abc``), the name of a view, another
host, another scheme and anything that a browser could interpret as one of them are rejected.
"""

import re
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

MAX_LENGTH = 2000
# Browsers remove tabs and line breaks, and read a backslash as a slash.
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def is_local(request: HttpRequest, target: str | None) -> bool:
    """Return whether a redirect to ``target`` stays on the host of the request."""
    if not target or len(target) > MAX_LENGTH or _UNSAFE.search(target):
        return False
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    if not parts.path.startswith("/"):
        return False
    return url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


def local_target(request: HttpRequest, target: str | None, default: str) -> str:
    """Return ``target`` if it stays on this host, else ``default``.

    The result is a URL for ``HttpResponseRedirect``. Do not pass it to ``redirect()``, which would
    resolve it as a view name.
    """
    return target if target and is_local(request, target) else default

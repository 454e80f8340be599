"""Requests that a page sends by itself, with nobody at it.

A page that is open and forgotten goes on asking, for example for counts when a customer writes: its
script says so, and that is no use of a session. Whoever leaves the header out keeps their own
session alive, as by any other request.
"""

from django.http import HttpRequest

UNATTENDED_HEADER = "X-Unattended"


def is_unattended(request: HttpRequest) -> bool:
    return request.headers.get(UNATTENDED_HEADER) == "1"

"""Absolute URLs of our pages, for emails."""

from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpRequest


def absolute_url(request: HttpRequest, path: str) -> str:
    """Return the URL of a path, or of a URL of ours, as people open the installation.

    The sender of a request chooses the port of its Host header, and an email would link to it. An
    origin in CSRF_TRUSTED_ORIGINS with the same host replaces what was sent.
    """
    sent = urlsplit(request.build_absolute_uri(path))
    origins = [urlsplit(origin) for origin in settings.CSRF_TRUSTED_ORIGINS]
    known = [origin for origin in origins if origin.hostname == sent.hostname]
    if known and not any((sent.scheme, sent.netloc) == each[:2] for each in known):
        sent = sent._replace(scheme=known[0].scheme, netloc=known[0].netloc)
    return urlunsplit(sent)

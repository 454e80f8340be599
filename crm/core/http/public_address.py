"""The address under which people open the installation, for links that leave a page.

It is the first origin of CSRF_TRUSTED_ORIGINS that is no pattern. A link in an email is never
built from the Host header, whose sender chooses its port, and among several hosts its name.
"""

from urllib.parse import urlsplit, urlunsplit

from django.conf import settings


def public_origin() -> str:
    """Return ``https://crm.example``; "" where none is configured."""
    origins = (each.rstrip("/") for each in settings.CSRF_TRUSTED_ORIGINS if "*" not in each)
    return next(origins, "")


def public_url(path: str) -> str:
    """Return the absolute URL of a path; "" where no address is configured."""
    origin = public_origin()
    return f"{origin}{path}" if origin else ""


def at_public_origin(url: str) -> str:
    """Return an absolute URL of this installation at its public address.

    Where none is configured (a checkout) it stays what the request made of it.
    """
    origin = public_origin()
    if not (origin and url):
        return url
    to, given = urlsplit(origin), urlsplit(url)
    return urlunsplit((to.scheme, to.netloc, given.path, given.query, given.fragment))

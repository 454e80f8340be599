"""Base classes of errors: each has a stable code, an HTTP status and an actionable message."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop


class AppError(Exception):
    """Base class of errors that reject an operation; nothing was changed.

    ``code`` is stable and for programs, ``message`` is for people, ``status`` is the HTTP status
    and ``extra`` holds further members of the problem document (e.g. ``retry_after`` in seconds).
    ``heading`` is that of the page, untranslated; without one it says that this was refused.
    """

    heading: str = ""
    code: str = "refused"
    status: int = 400
    message: str = "The request was refused."

    def __init__(
        self, message: str | None = None, *, extra: Mapping[str, Any] | None = None
    ) -> None:
        self.message = str(message or gettext(type(self).message))
        self.extra: dict[str, Any] = dict(extra or {})
        super().__init__(self.message)


class Unauthorized(AppError):
    """Base of the errors that answer with 401."""

    status = 401


class Conflict(AppError):
    """Base of the errors that answer with 409."""

    status = 409


class Collided(Conflict):
    """Something else that excludes this was stored at the same moment, or before unnoticed."""

    code = "collided"
    message = gettext_noop(
        "The same, or something that excludes it, was done at the same moment. Nothing was changed "
        "here: load the page again and look."
    )


class Invalid(AppError):
    code = "invalid"
    status = 400
    message = gettext_noop(
        "The request holds a value that cannot be used. Correct it and send it again."
    )


class InvalidField(Invalid):
    """``field`` names the invalid field; ``errors`` lists the reasons where there may
    be several.
    """

    code = "invalid_field"
    message = gettext_noop(
        "A value is missing or cannot be used. Correct what is named and send it again."
    )


class InvalidJson(Invalid):
    code = "invalid_json"
    message = gettext_noop("The body is not JSON that can be used. Correct it and send it again.")


class InvalidForm(Invalid):
    code = "invalid_form"
    message = gettext_noop(
        "The body is not a form that can be read. Send it as multipart/form-data with a boundary."
    )


class BodyTooLarge(AppError):
    code = "body_too_large"
    status = 413
    message = gettext_noop(
        "What was sent is too large. Shorten it, or send it in several smaller parts."
    )


class UnsupportedMediaType(AppError):
    code = "unsupported_media_type"
    status = 415
    message = gettext_noop(
        "The body is of a type that cannot be read here. The API takes application/json in UTF-8."
    )


class MethodNotAllowed(AppError):
    code = "method_not_allowed"
    status = 405
    message = gettext_noop("This cannot be done here. The Allow header says what can.")


class UnknownHost(Invalid):
    code = "unknown_host"
    message = gettext_noop(
        "Nothing is served under this host name. Use the installation's own address, or let its "
        "operator add the name to ALLOWED_HOSTS."
    )


class BadRequest(Invalid):
    code = "bad_request"
    message = gettext_noop("The request cannot be understood. Load the page again and retry.")


class CsrfFailed(AppError):
    code = "csrf_failed"
    status = 403
    message = gettext_noop(
        "The request does not prove that it comes from our own pages. Load the page again, and "
        "send its CSRF token in the X-CSRFToken header."
    )


class InternalError(AppError):
    code = "internal_error"
    status = 500
    message = gettext_noop(
        "Something went wrong on our side; the fault was recorded. Try again in a moment."
    )


class NotAuthenticated(Unauthorized):
    code = "not_authenticated"
    message = gettext_noop("Log in, or send a valid token.")


class Forbidden(AppError):
    code = "forbidden"
    status = 403
    message = gettext_noop(
        "You don't have permission to do this. Ask an administrator of your organization."
    )


class NotFound(AppError):
    code = "not_found"
    status = 404
    message = gettext_noop("There is nothing here, or you may not see it.")


class TooFast(AppError):
    code = "rate_limited"
    status = 429
    message = gettext_noop("Too many requests. Wait and try again.")


class StoreUnavailable(AppError):
    code = "store_unavailable"
    status = 503
    message = gettext_noop(
        "A data store does not answer. Nothing was changed; try again in a few seconds."
    )


class Busy(StoreUnavailable):
    """What is to be changed is locked by others for longer than a request waits."""

    code = "busy"
    message = gettext_noop(
        "Somebody else is changing the same at this moment. Nothing was changed here; try again in "
        "a few seconds."
    )

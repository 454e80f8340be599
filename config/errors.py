"""Refusals: each has a stable code, a status and a sentence that says what to do next."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_noop


class AppError(Exception):
    """Something was refused; nothing was changed.

    ``code`` is stable and for programs, ``message`` is for people, ``status`` is the HTTP status
    and ``extra`` holds further members of the problem document (say ``retry_after`` in seconds).
    """

    code: str = "refused"
    status: int = 400
    message: str = "The request was refused."

    def __init__(
        self, message: str | None = None, *, extra: Mapping[str, Any] | None = None
    ) -> None:
        self.message = str(message or gettext(type(self).message))
        self.extra: dict[str, Any] = dict(extra or {})
        super().__init__(self.message)


class Invalid(AppError):
    code = "invalid"
    status = 400
    message = gettext_noop(
        "The request holds a value that cannot be used. Correct it and send it again."
    )


class NotAuthenticated(AppError):
    code = "not_authenticated"
    status = 401
    message = gettext_noop("Log in, or send a valid token.")


class Forbidden(AppError):
    code = "forbidden"
    status = 403
    message = gettext_noop("You may not do this. Ask an administrator of your organization.")


class NotFound(AppError):
    code = "not_found"
    status = 404
    message = gettext_noop("There is nothing here, or you may not see it.")


class TooFast(AppError):
    code = "too_fast"
    status = 429
    message = gettext_noop("Too many requests. Wait and try again.")


class StoreUnavailable(AppError):
    code = "store_unavailable"
    status = 503
    message = gettext_noop(
        "A data store does not answer. Nothing was changed; try again in a few seconds."
    )

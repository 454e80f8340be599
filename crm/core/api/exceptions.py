"""Errors of the Idempotency-Key."""

from django.utils.translation import gettext_noop

from crm.core.errors import AppError, Conflict, Invalid


class IdempotencyKeyInvalid(Invalid):
    code = "idempotency_key_invalid"
    message = gettext_noop(
        "Idempotency-Key must be 1 to 255 letters, digits or signs of ASCII without spaces."
    )


class IdempotencyKeyReused(AppError):
    code = "idempotency_key_reused"
    status = 422
    message = gettext_noop(
        "This Idempotency-Key was used for another request. Use a new key for a new request."
    )


class IdempotencyInFlight(Conflict):
    code = "idempotency_in_flight"
    message = gettext_noop(
        "The same request is being answered at this moment. Wait a second and send it again."
    )

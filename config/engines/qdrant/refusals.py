"""Errors of requests, with the status and message for the client."""


class Refused(Exception):
    """The request was rejected and nothing was changed."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


def bad_request(message: str) -> Refused:
    return Refused(400, f"Wrong input: {message}")


def not_found(message: str) -> Refused:
    return Refused(404, f"Not found: {message}")


def not_supported(what: str) -> Refused:
    """Return the error for an unsupported function: better than a wrong result."""
    return Refused(
        501, f"The embedded Qdrant does not support {what}. Set QDRANT_URL to use a real one."
    )

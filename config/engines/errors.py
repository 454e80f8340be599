"""Errors of engines."""


class EngineFailed(Exception):
    """An engine could not be started, reached or stopped.

    ``message`` is one plain sentence, ``advice`` the remedy.
    """

    def __init__(self, message: str, *, advice: str) -> None:
        self.message = message
        self.advice = advice
        super().__init__(f"{message} {advice}")

"""Django's LOGGING. Settings import this, so it imports nothing that requires settings."""

import logging
import sys
from typing import Any

# Our own code may be asked for more than INFO. Libraries may not: at DEBUG they print statements
# with their values, whole documents and whole frames.
OWN_LOGGERS = ("analytics", "chat", "config", "crm", "knowledge", "marketing")


def logging_settings(*, level: str, service: str, development: bool) -> dict[str, Any]:
    """Return Django's LOGGING; ``level`` applies to our own code, libraries stay at
    INFO or above.
    """
    readable = development and sys.stderr.isatty()
    formatter = (
        "crm.core.observability.logging.ConsoleFormatter"
        if readable
        else "crm.core.observability.logging.JsonFormatter"
    )
    if level not in logging.getLevelNamesMapping():
        level = "INFO"  # a system check names the mistake; settings must load for it to run
    libraries = logging.getLevelName(max(logging.INFO, logging.getLevelNamesMapping()[level]))
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "service": service}},
        "filters": {
            "without_success_noise": {"()": "crm.core.observability.logging.WithoutSuccessNoise"}
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": libraries, "handlers": ["stderr"]},
        "loggers": {
            **{name: {"level": level} for name in OWN_LOGGERS},
            # Django brings handlers of its own, which would write each line again or mail it.
            "django": {"level": libraries, "handlers": [], "propagate": True},
            "django.server": {"level": "WARNING", "handlers": [], "propagate": True},
            # Our line for each request tells every 4xx; 5xx come with their exception from here.
            "django.request": {"level": "ERROR"},
            "celery.app.trace": {"filters": ["without_success_noise"]},
            "celery.worker.strategy": {"level": "WARNING"},
            # They print each URL that they ask, query and all.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
        },
    }

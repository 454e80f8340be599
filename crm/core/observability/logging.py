"""Log formatters: one JSON object per line, or a readable line on a developer's terminal.

The members are ``timestamp``, ``level``, ``service``, ``correlation_id``, ``user_id``, ``message``
and ``metadata``; a caller gives the last one as ``extra={"metadata": {...}}``.
"""

import datetime
import json
import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from celery.exceptions import CeleryError
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import InterfaceError, OperationalError
from pymongo.errors import ConnectionFailure
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from crm.core.errors import AppError
from crm.core.observability.redaction import redact_text, redact_value
from crm.core.observability.tracing import (
    bind_correlation_id,
    current_correlation_id,
    current_trace,
    record_cache_use,
    record_store_use,
)

__all__ = [
    "ConsoleFormatter",
    "JsonFormatter",
    "bind_correlation_id",
    "current_correlation_id",
    "log_work",
    "record_cache_use",
    "record_store_use",
]

# Exceptions whose sentence tells of machines. All others may quote what a person wrote (a unique
# constraint names the email address it met), so of those only the type and the place are kept.
_TELLING = (
    AppError,
    CeleryError,
    ConnectionFailure,
    ImproperlyConfigured,
    InterfaceError,
    OperationalError,
    OSError,
    RedisConnectionError,
    RedisTimeoutError,
)


def sentence_of(record: logging.LogRecord) -> str:
    """Return the record's message without what its library adds that must not be logged."""
    if record.name == "celery.app.trace":
        # Celery words a failure with the repr of the exception, arguments and all.
        return f"Task {getattr(record, 'data', {}).get('name', 'unknown')} failed."
    request = getattr(record, "request", None)
    if request is not None and record.name == "django.request":
        return f"{record.getMessage().split(':')[0]}: {_route_of(request)}"
    try:
        if request is not None and isinstance(record.args, tuple):
            path = getattr(request, "path", None)
            told = (_route_of(request) if each == path else each for each in record.args)
            return redact_text(str(record.msg) % tuple(told))
        return redact_text(record.getMessage())
    except (TypeError, ValueError):
        return redact_text(str(record.msg))


def _route_of(request: Any) -> str:
    """Return what is told of a request's path, where Django would tell the key of a reset link."""
    match = getattr(request, "resolver_match", None)
    return match.route if match else "(no such page)"


def exception_of(error: BaseException) -> dict[str, Any]:
    """Describe an exception by type and location, and by its message where that is safe."""
    described: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "frames": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ],
    }
    if isinstance(error, _TELLING):
        described["sentence"] = redact_text(str(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = exception_of(cause)
    return described


def metadata_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the metadata of a record: the caller's, the exception's and the logger's name."""
    given = getattr(record, "metadata", None)
    metadata: dict[str, Any] = {"logger": record.name}
    if isinstance(given, dict):
        metadata |= {str(key): redact_value(value, key=str(key)) for key, value in given.items()}
    if record.exc_info and record.exc_info[1] is not None:
        metadata["exception"] = exception_of(record.exc_info[1])
    return metadata


class JsonFormatter(logging.Formatter):
    def __init__(self, *, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        trace = current_trace()
        moment = datetime.datetime.fromtimestamp(record.created, tz=datetime.UTC)
        line = {
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "service": self.service,
            "correlation_id": trace.correlation_id if trace else None,
            "user_id": trace.user_of() if trace else None,
            "message": sentence_of(record),
            "metadata": metadata_of(record),
        }
        return json.dumps(line, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """Log format for a developer's terminal: with traceback, and redacted like the others."""

    _COLOURS: ClassVar[dict[str, str]] = {
        "DEBUG": "\x1b[2m",
        "WARNING": "\x1b[33m",
        "ERROR": "\x1b[31m",
        "CRITICAL": "\x1b[31m",
    }

    def __init__(self, *, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        trace = current_trace()
        moment = datetime.datetime.fromtimestamp(record.created).astimezone()
        metadata = metadata_of(record)
        metadata.pop("exception", None)
        metadata.pop("logger")
        pairs = " ".join(f"{key}={value}" for key, value in metadata.items())
        short_id = f" [{trace.correlation_id[:8]}]" if trace else ""
        text = f"{sentence_of(record)} {pairs}".rstrip().replace("\r", "\\r").replace("\n", "\\n")
        text = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
        colour = self._COLOURS.get(record.levelname, "")
        line = f"{moment:%H:%M:%S} {colour}{record.levelname:<7}\x1b[0m{short_id} {text}"
        if record.exc_info:
            line += f"\n{self.formatException(record.exc_info)}"
        return line


class WithoutSuccessNoise(logging.Filter):
    """Drops Celery's success lines: our own line per task has its id and duration."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO


@contextmanager
def log_work(logger: logging.Logger, sentence: str, *, action: str) -> Iterator[None]:
    """Log one line about a unit of work when it ends: its duration and the stores it used.

    An AppError is logged by its code and raised again.
    """
    started = time.perf_counter()
    metadata: dict[str, Any] = {"action": action, "outcome": "failed"}
    try:
        yield
        metadata["outcome"] = "done"
    except AppError as refusal:
        metadata["outcome"] = refusal.code
        raise
    finally:
        trace = current_trace()
        metadata["duration_ms"] = round((time.perf_counter() - started) * 1000, 1)
        logger.info(sentence, extra={"metadata": metadata | (trace.used() if trace else {})})

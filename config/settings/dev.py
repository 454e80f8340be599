"""Settings of a developer's checkout: `make up`."""

import contextlib
import os
import secrets
from pathlib import Path

from config.settings.base import *  # noqa: F403  a settings module is the base plus its differences
from config.settings.base import EMAIL_URL, LOG_LEVEL, SERVICE_NAME, VAR_DIR, env
from config.settings.base import SECRET_KEY as GIVEN_KEY
from crm.core.observability.logging_settings import logging_settings


def _key_of_this_checkout(folder: Path) -> str:
    """Return the checkout's random secret key, created once, so that a restart keeps
    all sessions.
    """
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Written aside and linked: whoever reads finds a whole key, and the first one stays.
        draft = folder / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text()


ENVIRONMENT = "development"
SECRET_KEY = GIVEN_KEY or _key_of_this_checkout(VAR_DIR)
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
DEMO_ENABLED = env.bool("DEMO_ENABLED", default=True)
# The demo's operator has nothing but a password that everybody knows.
OPERATOR_REQUIRES_MFA = env.bool("OPERATOR_REQUIRES_MFA", default=False)
# Without a mail server a newcomer reads at /outbox/ what would have been sent.
MAIL_OUTBOX = not EMAIL_URL and not env.str("EMAIL_BACKEND", default="")
# Served straight from static/: a checkout needs no collectstatic.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
LOGGING = logging_settings(level=LOG_LEVEL, service=SERVICE_NAME, development=True)
# Browsers take http://localhost for a safe origin; so do we, on somebody's own machine.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True

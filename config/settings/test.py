"""Tests: the throw-away engines of tests/engines_plugin.py, and no traffic with anybody else."""

import os

from config.settings.base import *  # noqa: F403  a settings module is the base plus its differences
from config.settings.base import CACHES, DATABASES, MONGODB_NAME, REDIS_URL

_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
_number = int(_worker.removeprefix("gw"))

ENVIRONMENT = "test"
SECRET_KEY = "tests-only"  # noqa: S105  signs nothing outside a test run
# bcrypt at its real cost would be most of the run; its own test names the real hasher.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DEMO_ENABLED = True
# Tests of it switch it on.
OPERATOR_REQUIRES_MFA = False
# Each worker of a parallel run has its own corner of every store.
MONGODB_NAME = f"test_{MONGODB_NAME}_{_worker}"
REDIS_URL = f"{REDIS_URL.rsplit('/', 1)[0]}/{_number}"
QDRANT_PREFIX = f"test_{_worker}_"
CACHES["default"]["LOCATION"] = REDIS_URL
# Redis numbers its databases, but its channels are one space.
CHANNEL_PREFIX = f"nf-{_worker}"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "config.layers.ChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": CHANNEL_PREFIX},
    }
}
CELERY_BROKER_URL = REDIS_URL
# No pool: pytest-django drops the database, which a pooled connection would hold.
DATABASES["default"]["OPTIONS"].pop("pool", None)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True

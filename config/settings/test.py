"""Settings of tests: the temporary engines of tests/engines_plugin.py, and no other network
traffic.
"""

import os
from typing import Any

from config.settings import base
from config.settings.base import *  # noqa: F403  a settings module is the base plus its differences
from config.settings.base import DATABASES

# The record with which tests and `docs/new-record.md` show what the kit of records gives.
INSTALLED_APPS = [*base.INSTALLED_APPS, "tests.umbrellas"]
ROOT_URLCONF = "tests.umbrellas.urls"
ENVIRONMENT = "test"
SECRET_KEY = "tests-only"  # noqa: S105  signs nothing outside a test run
# bcrypt at its real cost would be most of the run; its own test names the real hasher.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "crm.authentication.hashing.Hasher",
]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DEMO_ENABLED = True
# Tests of it switch it on.
OPERATOR_REQUIRES_MFA = False


def store_names(stores: str) -> dict[str, Any]:
    """Return the settings that name this process's databases.

    Each process of a parallel run has its own, and a second set, "worker", for the tests that run a
    Celery worker (tests/worker_stores.py).
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    name = f"gw{number}_{stores}" if stores else f"gw{number}"
    # Valkey has 16 databases: the upper eight are the workers'.
    database = number + (8 if stores else 0)
    redis_url = f"{base.REDIS_URL.rsplit('/', 1)[0]}/{database}"
    # Redis numbers its databases, but its channels are one space.
    channel_prefix = f"nf-{name}"
    return {
        "MONGODB_NAME": f"test_{base.MONGODB_NAME}_{name}",
        "REDIS_URL": redis_url,
        "QDRANT_PREFIX": f"test_{name}_",
        "CACHES": {"default": base.CACHES["default"] | {"LOCATION": redis_url}},
        "CHANNEL_PREFIX": channel_prefix,
        "CHANNEL_LAYERS": {
            "default": {
                "BACKEND": "crm.core.channel_layer.ChannelLayer",
                "CONFIG": {"hosts": [redis_url], "prefix": channel_prefix},
            }
        },
        "CELERY_BROKER_URL": redis_url,
    }


globals().update(store_names(os.environ.get("TEST_STORES", "")))
# A server or worker that a test starts has a pool as a real one has (tests/servers.py). The process
# of the tests has none: it drops the database, which a pooled connection would hold.
if os.environ.get("TEST_POOL") != "1":
    DATABASES["default"]["OPTIONS"].pop("pool")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True

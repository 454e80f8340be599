"""Real servers from wheels, so that one command runs everything on a bare machine.

A store with a URL in the environment is used; each other one is a child process with its data under
`var/`. Imports neither settings nor apps: settings import this.
"""

from config.engines.errors import EngineFailed
from config.engines.paths import var_dir
from config.engines.supervision import (
    EngineStatus,
    ensure,
    missing,
    start,
    status,
    stop,
    supervise,
)
from config.engines.urls import (
    StoreUrls,
    given_url,
    owner_url,
    qdrant_api_key,
    store_urls,
    url_variable,
    without_password,
)

__all__ = [
    "EngineFailed",
    "EngineStatus",
    "StoreUrls",
    "ensure",
    "given_url",
    "missing",
    "owner_url",
    "qdrant_api_key",
    "start",
    "status",
    "stop",
    "store_urls",
    "supervise",
    "url_variable",
    "var_dir",
    "without_password",
]

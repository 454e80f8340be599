"""URLs of the stores, which determine the servers."""

import os
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from config.engines.base import Engine
from config.engines.errors import EngineFailed
from config.engines.mongodb import Mongodb
from config.engines.postgresql import Postgresql
from config.engines.qdrant_engine import Qdrant
from config.engines.state import records
from config.engines.valkey import Valkey

ENGINES: tuple[Engine, ...] = (Qdrant(), Mongodb(), Valkey(), Postgresql())
URL_VARIABLES = {
    "database": "DATABASE_URL",
    "mongodb": "MONGODB_URL",
    "redis": "REDIS_URL",
    "qdrant": "QDRANT_URL",
}
OWNER_VARIABLE = "DATABASE_OWNER_URL"
API_KEY_VARIABLE = "QDRANT_API_KEY"
# Nothing can listen there without being root, so a connection is refused at once.
_REFUSING_PORT = 1


@dataclass(frozen=True)
class StoreUrls:
    """URLs of the four stores, including passwords."""

    database: str
    mongodb: str
    redis: str
    qdrant: str


def url_variable(store: str) -> str:
    """Return the environment variable with a store's URL."""
    return URL_VARIABLES[store]


def given_url(store: str) -> str | None:
    """Return a store's URL from the environment; None for the embedded engine."""
    return os.environ.get(URL_VARIABLES[store]) or _from_parts(store)


def store_urls() -> StoreUrls:
    """Return the four URLs: the environment's, else the running engine's, else one that refuses.

    Never blocks and never raises: settings are loaded by commands that need no store.
    """
    return StoreUrls(**{engine.store: _url(engine) for engine in ENGINES})


def owner_url() -> str:
    """Return the URL of the owner of PostgreSQL's tables, for migrations.

    If only the application's URL is set, that one.
    """
    if url := os.environ.get(OWNER_VARIABLE) or _owner_from_parts():
        return url
    if url := given_url("database"):
        return url
    postgresql = next(engine for engine in ENGINES if isinstance(engine, Postgresql))
    try:
        return postgresql.owner_url(_port(postgresql))
    except EngineFailed:
        return f"postgresql://127.0.0.1:{_REFUSING_PORT}/"


def qdrant_api_key() -> str:
    """Return the API key of Qdrant: the environment's if set, else the engine's."""
    if given_url("qdrant"):
        return os.environ.get(API_KEY_VARIABLE) or ""
    qdrant = next(engine for engine in ENGINES if isinstance(engine, Qdrant))
    try:
        return qdrant.api_key()
    except EngineFailed:
        return ""


def without_password(url: str) -> str:
    """Return a URL without its password, for display and logs."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    credentials, _, place = parts.netloc.rpartition("@")
    user, colon, _ = credentials.partition(":")
    shown = f"{user}:***@{place}" if colon else parts.netloc
    return urlunsplit(parts._replace(netloc=shown))


def _url(engine: Engine) -> str:
    given = given_url(engine.store)
    if given:
        return given
    try:
        return engine.url(_port(engine))
    except EngineFailed:
        return f"{engine.store}://127.0.0.1:{_REFUSING_PORT}/"


def _port(engine: Engine) -> int:
    """Return the port of the engine, or the one it will have after a restart.

    A process that starts while an engine restarts must find it afterwards: an engine keeps its
    port. Another server on it cannot be used by mistake, because engines require a password.
    """
    record = records().get(engine.name)
    return record.port if record is not None and record.is_ours else _REFUSING_PORT


def _owner_from_parts() -> str | None:
    part = os.environ.get
    if not (part("DB_POSTGRES_HOST") and part("DB_POSTGRES_OWNER_PASSWORD")):
        return None
    return _postgresql_url(
        user=part("DB_POSTGRES_OWNER_USER") or "nextflow_owner",
        password=part("DB_POSTGRES_OWNER_PASSWORD") or "",
    )


def _postgresql_url(*, user: str, password: str) -> str:
    part = os.environ.get
    secret = f":{quote(password, safe='')}" if password else ""
    place = f"{part('DB_POSTGRES_HOST')}:{part('DB_POSTGRES_PORT') or '5432'}"
    name = quote(part("DB_POSTGRES_NAME") or "nextflow_db", safe="")
    return f"postgresql://{quote(user, safe='')}{secret}@{place}/{name}"


def _from_parts(store: str) -> str | None:
    """Return a URL built from the separate variables, when the host variable is set."""
    part = os.environ.get
    if store == "database" and part("DB_POSTGRES_HOST"):
        return _postgresql_url(
            user=part("DB_POSTGRES_USER") or "nextflow_user",
            password=part("DB_POSTGRES_PASSWORD") or "",
        )
    if store == "mongodb" and part("DB_MONGODB_HOST"):
        user = quote(part("DB_MONGODB_USER") or "", safe="")
        password = quote(part("DB_MONGODB_PASSWORD") or "", safe="")
        credentials = f"{user}:{password}@" if user else ""
        name = quote(part("DB_MONGODB_NAME") or "nextflow_chat", safe="")
        query = "?authSource=admin" if user else ""
        port = part("DB_MONGODB_PORT") or "27017"
        return f"mongodb://{credentials}{part('DB_MONGODB_HOST')}:{port}/{name}{query}"
    if store == "redis" and part("REDIS_HOST"):
        password = quote(part("REDIS_PASSWORD") or "", safe="")
        credentials = f":{password}@" if password else ""
        return f"redis://{credentials}{part('REDIS_HOST')}:{part('REDIS_PORT') or '6379'}/0"
    if store == "qdrant" and part("QDRANT_HOST"):
        return f"http://{part('QDRANT_HOST')}:{part('QDRANT_PORT') or '6333'}"
    return None

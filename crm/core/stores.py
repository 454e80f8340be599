"""Clients of the stores beside PostgreSQL, one of each per process.

Each is created on first use, hence after any fork: a MongoClient must not be shared by a fork.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from pymongo import MongoClient, WriteConcern
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from crm.core.lazy_modules import LazyModule

if TYPE_CHECKING:
    import qdrant_client
else:
    # Half a second and 54 MB, which only whoever searches or indexes needs.
    qdrant_client = LazyModule("qdrant_client")

Document = dict[str, Any]


@cache
def mongo() -> MongoClient[Document]:
    """Return the process's MongoDB client."""
    return MongoClient(
        settings.MONGODB_URL,
        tz_aware=True,
        uuidRepresentation="standard",
        maxPoolSize=settings.MONGODB_POOL_SIZE,
        serverSelectionTimeoutMS=5000,
        connectTimeoutMS=3000,
        socketTimeoutMS=20000,
        appname="nextflow-crm",
    )


@cache
def mongo_db() -> Database[Document]:
    """Return the chat database: majority writes, majority reads."""
    return mongo().get_database(
        settings.MONGODB_NAME,
        write_concern=WriteConcern(w="majority", j=True, wtimeout=15000),
        read_concern=ReadConcern("majority"),
    )


@cache
def redis() -> Redis:
    """Return the process's pooled Redis client; Redis holds nothing that cannot be rebuilt."""
    pool = ConnectionPool.from_url(
        settings.REDIS_URL,
        max_connections=100,
        socket_timeout=5,
        socket_connect_timeout=2,
        health_check_interval=25,
        # One retry at once heals a broken connection; one that is silent is not waited for twice.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
    return Redis(connection_pool=pool)


def qdrant_headers(api_key: str) -> dict[str, str]:
    """Return the headers of a Qdrant client.

    With ``api_key`` the client would warn about every connection without TLS, including loopback.
    """
    return {"api-key": api_key} if api_key else {}


@cache
def qdrant() -> "qdrant_client.QdrantClient":
    """Return the process's Qdrant client (REST)."""
    return qdrant_client.QdrantClient(
        url=settings.QDRANT_URL,
        headers=qdrant_headers(settings.QDRANT_API_KEY),
        timeout=10,
        prefer_grpc=False,
        check_compatibility=False,
    )

"""Container health check: `python -m crm.operations.healthcheck web`.

Exits with 0 if healthy, else with 1 and a message. Loads neither settings nor apps, because it runs
every half minute beside the checked process.
"""

import argparse
import http.client
import sys

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from config.engines.urls import store_urls
from crm.operations import canary

CAP_SECONDS = 3.0


def web_problem(*, port: int) -> str | None:
    """Request `/health` of this container's web server. Return the problem, else None."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CAP_SECONDS)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"/health does not answer: {type(error).__name__}."
    finally:
        connection.close()
    return None if status == 200 else f"/health answers {status}."


def beat_problem(redis: Redis) -> str | None:
    return None if canary.is_sent(redis) else "Beat has not sent a canary for too long."


def worker_problem(redis: Redis, *, queue: str) -> str | None:
    if canary.is_consumed(redis, queue=queue):
        return None
    return f"What beat sent to the queue {queue} does not come through."


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Exit with 0 when this container is healthy.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    kinds.add_parser("web").add_argument("--port", type=int, default=8000)
    kinds.add_parser("beat")
    kinds.add_parser("worker").add_argument("--queue", choices=canary.QUEUES, required=True)
    chosen = parser.parse_args(argv)
    try:
        if chosen.kind == "web":
            problem = web_problem(port=chosen.port)
        else:
            redis = Redis.from_url(
                store_urls().redis,
                socket_timeout=CAP_SECONDS,
                socket_connect_timeout=CAP_SECONDS,
                # The engine that runs this asks again by itself.
                retry=Retry(NoBackoff(), 0),
            )
            if chosen.kind == "beat":
                problem = beat_problem(redis)
            else:
                problem = worker_problem(redis, queue=chosen.queue)
    except RedisError as error:
        problem = f"Redis does not answer: {type(error).__name__}."
    if problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

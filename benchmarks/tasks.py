"""How long a caller waits until background work is accepted, and how long until it is begun."""

import time

from benchmarks.measure import Figure, Spread, figure_of, one_by_one
from benchmarks.web import serving
from crm.core import stores
from crm.operations import canary
from crm.operations.tasks import record_canary
from tests.chaos.stack import Stack

QUEUE = "realtime"
_FLOOR_KEY = "bench:queue"
_PATIENCE = 30.0


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    times = 40 if quick else 300
    redis = stores.redis()
    payload = b"x" * 900
    floor = one_by_one(lambda: redis.lpush(_FLOOR_KEY, payload), times)
    redis.delete(_FLOOR_KEY)
    with serving(stack, worker=True):
        _until_done()
        accepted = one_by_one(lambda: record_canary.apply_async(args=(QUEUE,), queue=QUEUE), times)
        time.sleep(1)
        done = Spread()
        for _ in range(times // 4):
            done.add(_until_done())
    return [
        figure_of(
            "task accepted",
            accepted,
            floor=floor,
            floor_of="one bare Redis LPUSH of 900 bytes",
            budget=500,
            how="`apply_async` until it returns, one after the other",
        ),
        figure_of(
            "task done by an idle worker",
            done,
            how="from `apply_async` until its effect is seen in Redis; looked for every 2 ms",
        ),
    ]


def _until_done() -> float:
    redis = stores.redis()
    redis.hdel(canary.KEY, QUEUE)
    began = time.perf_counter()
    record_canary.apply_async(args=(QUEUE,), queue=QUEUE)
    while not redis.hexists(canary.KEY, QUEUE):
        if time.perf_counter() - began > _PATIENCE:
            raise TimeoutError("The worker did not do a task.")
        time.sleep(0.002)
    return time.perf_counter() - began

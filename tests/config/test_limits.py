"""The limiter on a real Redis: nothing passes a limit, also not at once or from many sides."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
from django.http import HttpRequest

from config import checks
from crm.core import ratelimit, stores
from crm.core.errors import StoreUnavailable
from crm.core.http.forwarded import counted_address
from crm.core.ids import uuid7
from crm.core.ratelimit import RateLimitExceeded, count_request, enforce, reset
from crm.core.ratelimit.gcra import LocalLimits
from crm.core.ratelimit.keys import redis_key
from crm.core.ratelimit.limiter import _local
from crm.core.ratelimit.rates import BadRate, Rate, parse_rate
from tests.outages import without_redis

SLOW = "5/3600"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    stores.redis().flushdb()
    _local.clear()


@pytest.fixture
def slow(settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {
        "api.user": SLOW,
        "api.address": "3/3600",
        "log_in.address": SLOW,
        "api.organization": "off",
    }


def let_pass(seconds: int) -> None:
    """Bring what Redis keeps of the limits forward, as if so much time had passed."""
    for key in stores.redis().keys("ratelimit:*"):
        moment = int(stores.redis().get(key) or 0)
        stores.redis().set(key, moment - seconds * 1_000_000, keepttl=True)


def passed(endpoint: str, subjects: Any) -> bool:
    try:
        enforce(endpoint, subjects)
    except RateLimitExceeded:
        return False
    return True


@pytest.mark.parametrize("without", [nullcontext, without_redis])
def test_units_count_as_so_many_requests_or_not_at_all(
    slow: None, without: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.core.ratelimit.limiter._local_until", 0.0)
    user = uuid7()
    with without():
        (standing,) = enforce("api", {"user": user}, 3)
        assert standing.remaining == 2
        with pytest.raises(RateLimitExceeded):
            enforce("api", {"user": user}, 3)
        (standing,) = enforce("api", {"user": user}, 2)
        assert standing.remaining == 0


def test_exactly_the_limit_passes(slow: None) -> None:
    user = uuid7()
    assert [passed("api", {"user": user}) for _n in range(8)] == [True] * 5 + [False] * 3
    assert passed("api", {"user": uuid7()})


def test_no_burst_from_many_sides_passes_the_limit(settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api.user": "40/3600"}
    user, start = uuid7(), threading.Barrier(16)

    def pour(_number: int) -> int:
        start.wait()
        return sum(passed("api", {"user": user}) for _n in range(20))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(pour, range(16))) == 40


def test_what_is_earned_back_is_one_interval_at_a_time(settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api.user": "4/7200/2"}
    user = uuid7()
    assert [passed("api", {"user": user}) for _n in range(3)] == [True, True, False]
    (status,) = count_request("api", {"user": user})
    assert 0 < status.retry_after <= 1800
    let_pass(seconds=1800)
    assert [passed("api", {"user": user}) for _n in range(2)] == [True, False]


def test_over_any_stretch_no_more_than_burst_and_rate_pass(settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api.user": "50/1/10"}
    user, began, count = uuid7(), time.monotonic(), 0
    while time.monotonic() - began < 1.0:
        count += passed("api", {"user": user})
    assert count <= 10 + 50 * (time.monotonic() - began)


def test_what_one_limit_refuses_uses_up_no_other(slow: None) -> None:
    user = uuid7()
    subjects = {"user": user, "address": "192.0.2.7"}
    assert [passed("api", subjects) for _n in range(4)] == [True, True, True, False]
    # The address took three; of the user's five, two are left.
    assert [passed("api", {"user": user}) for _n in range(3)] == [True, True, False]


def test_all_limits_of_a_request_are_one_round_trip(
    slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    enforce("api", {"user": uuid7()})
    sent: list[str] = []
    original = type(stores.redis()).execute_command

    def execute(self: Any, *args: Any, **options: Any) -> Any:
        sent.append(str(args[0]))
        return original(self, *args, **options)

    monkeypatch.setattr(type(stores.redis()), "execute_command", execute)
    enforce("api", {"user": uuid7(), "address": "192.0.2.9", "organization": uuid7()})
    assert sent == ["EVALSHA"]


def test_standing_says_what_is_left_and_when(slow: None) -> None:
    user = uuid7()
    remaining = [count_request("api", {"user": user})[0].remaining for _n in range(6)]
    assert remaining == [4, 3, 2, 1, 0, 0]
    (status,) = count_request("api", {"user": user})
    assert status.is_refused
    assert 0 < status.retry_after <= 720
    assert 3500 < status.reset_after <= 3600


def test_refusal_names_the_limit_and_the_wait(slow: None) -> None:
    user = uuid7()
    for _n in range(5):
        enforce("api", {"user": user})
    with pytest.raises(RateLimitExceeded) as refused:
        enforce("api", {"user": user})
    assert (refused.value.status, refused.value.code) == (429, "rate_limited")
    assert refused.value.extra["limit"] == "api.user"
    assert 1 <= refused.value.extra["retry_after"] <= 720


def test_keys_expire_with_what_they_hold(slow: None) -> None:
    user = uuid7()
    enforce("api", {"user": user})
    key = redis_key(endpoint="api", kind="user", subject=user)
    assert key == f"ratelimit:user.{user.hex}:api"
    assert 0 < stores.redis().pttl(key) <= 720_000


def test_redis_learns_no_address_and_no_email(slow: None) -> None:
    enforce("password_reset", {"address": "192.0.2.77", "account": "linh@sunbean.example"})
    keys = b" ".join(map(bytes, stores.redis().scan_iter("ratelimit:*")))
    assert keys.count(b":password_reset") == 2
    assert b"192.0.2.77" not in keys
    assert b"linh" not in keys


def test_nobody_and_a_limit_that_is_off_count_nothing(slow: None) -> None:
    assert count_request("api", {"organization": uuid7(), "key": None}) == []
    assert stores.redis().keys("ratelimit:*") == []


def test_forgiven_attempts_are_forgotten(slow: None) -> None:
    subjects = {"address": "192.0.2.7"}
    assert [passed("log_in", subjects) for _n in range(6)] == [True] * 5 + [False]
    reset("log_in", subjects)
    assert passed("log_in", subjects)


@pytest.fixture
def redis_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("crm.core.ratelimit.limiter._local_until", 0.0)
    with without_redis():
        yield


def test_without_redis_reads_are_counted_here(slow: None, redis_away: None) -> None:
    user = uuid7()
    assert [passed("api", {"user": user}) for _n in range(6)] == [True] * 5 + [False]


def test_without_redis_nobody_gets_in(slow: None, redis_away: None) -> None:
    for endpoint, kind in [("log_in", "address"), ("sign_up", "address")]:
        with pytest.raises(StoreUnavailable) as refused:
            enforce(endpoint, {kind: "192.0.2.7"})
        assert refused.value.status == 503
        assert refused.value.extra["retry_after"] > 0


def test_local_limits_are_the_same_and_forget_the_longest_unused() -> None:
    local, rate = LocalLimits(remembered=2), Rate(count=2, seconds=10, burst=2)
    waits = [local.take([("a", rate)], 100.0)[0].wait for _n in range(3)]
    assert waits == [0.0, 0.0, pytest.approx(5.0)]
    assert local.take([("a", rate)], 105.0)[0].wait == 0.0
    local.take([("b", rate)], 105.0)
    local.take([("c", rate)], 105.0)
    assert [local.take([("a", rate)], 105.0)[0].wait for _n in range(2)] == [0.0, 0.0]


def test_local_limits_let_no_burst_pass() -> None:
    local, rate = LocalLimits(), Rate(count=30, seconds=3600, burst=30)
    with ThreadPoolExecutor(8) as pool:
        levels = pool.map(lambda _n: local.take([("a", rate)], 100.0)[0].wait, range(400))
    assert sum(wait == 0.0 for wait in levels) == 30


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", "unknown"),
        ("192.0.2.7, 10.0.0.1", "unknown"),
    ],
)
def test_addresses_are_counted_as_their_owners(given: str, counted: str) -> None:
    assert counted_address(given) == counted


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-Ip", "Forwarded", "Client-Ip", "True-Client-Ip"]
)
def test_a_header_does_not_change_the_address(header: str) -> None:
    request = HttpRequest()
    request.META |= {
        "REMOTE_ADDR": "192.0.2.7",
        f"HTTP_{header.upper().replace('-', '_')}": "198.51.100.1",
    }
    assert ratelimit.client_address(request) == "192.0.2.7"


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("600/60", Rate(600, 60, 600)),
        ("600/60/20", Rate(600, 60, 20)),
        ("off", None),
    ],
)
def test_rates_are_read(text: str, rate: Rate | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "600", "0/60", "60/0", "-1/60", "600/60/0", "a/b", "6 / 60"])
def test_what_is_no_rate_is_told(settings: Any, text: str) -> None:
    with pytest.raises(BadRate):
        parse_rate(text)
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api.user": text}
    (message,) = checks.rate_limits_are_rates()
    assert (message.id, "api.user" in message.msg) == ("nextflow.E013", True)


def test_a_limit_that_does_not_exist_is_told(settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"api.moon": "1/60"}
    (message,) = checks.rate_limits_are_rates()
    assert (message.id, "api.moon" in message.msg) == ("nextflow.E014", True)

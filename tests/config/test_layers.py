"""The channel layer on a real Redis, and when it goes away."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from channels.layers import channel_layers
from django.conf import settings

from crm.core import channel_layer, channel_signing, realtime, stores
from crm.core.channel_layer import ChannelLayer
from crm.core.executor import run_sync
from tests.relays import PATIENCE, Relay, relayed

pytestmark = pytest.mark.asyncio


def layer_at(url: str) -> ChannelLayer:
    return ChannelLayer(hosts=[url], prefix=settings.CHANNEL_PREFIX)


@pytest_asyncio.fixture
async def layer(stores_clean: None) -> AsyncIterator[ChannelLayer]:
    layer = layer_at(settings.REDIS_URL)
    yield layer
    await layer.flush()


@pytest_asyncio.fixture
async def far(stores_clean: None) -> AsyncIterator[tuple[Relay, ChannelLayer]]:
    """Give a layer behind a relay."""
    with relayed(os.environ["REDIS_URL"]) as (relay, url):
        layer = layer_at(url)
        yield relay, layer
        await layer.flush()


async def heard(layer: ChannelLayer, channel: str, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE):
        return [await layer.receive(channel) for _number in range(count)]


async def test_it_is_the_configured_one() -> None:
    assert isinstance(channel_layers["default"], ChannelLayer)


async def test_what_is_published_after_joining_is_heard(layer: ChannelLayer) -> None:
    """Joining returns when Redis has confirmed it: nothing published then can be missed."""
    for number in range(50):
        channel = await layer.new_channel()
        await layer.group_add(f"group.{number}", channel)
        await run_sync(realtime.publish, (f"group.{number}", {"type": "x", "number": number}))
        assert await heard(layer, channel, 1) == [{"type": "x", "number": number}]


async def test_what_somebody_else_published_is_dropped(layer: ChannelLayer) -> None:
    """Whoever can write to Redis could else speak as any client: its frames come the same way."""
    here, there = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("here", here)
    await layer.group_add("there", there)
    forged = layer.serialize({"type": "websocket.receive", "text": "{}"})
    prefix = f"{settings.CHANNEL_PREFIX}__group__"
    ours = channel_signing.seal(f"{prefix}there", layer.serialize({"type": "x", "number": 1}))
    redis = stores.redis()
    for message in (forged, b"", b"\0" * 16, bytes(16) + forged, ours[:-1], ours + b"\0"):
        await run_sync(redis.publish, f"{prefix}here", message)
        await run_sync(redis.publish, here, message)
    # What was meant for others.
    await run_sync(redis.publish, f"{prefix}here", ours)
    await run_sync(redis.publish, f"{prefix}there", ours)
    await run_sync(realtime.publish, ("here", {"type": "x", "number": 2}))
    assert await heard(layer, here, 1) == [{"type": "x", "number": 2}]
    assert await heard(layer, there, 1) == [{"type": "x", "number": 1}]


async def test_a_message_is_read_once_for_all_who_hear_it(layer: ChannelLayer) -> None:
    channels = [await layer.new_channel() for _number in range(3)]
    for channel in channels:
        await layer.group_add("group.1", channel)
    await layer.group_send("group.1", {"type": "x", "text": "Hi"})
    told = [(await heard(layer, channel, 1))[0] for channel in channels]
    assert all(message is told[0] for message in told)
    made: list[str] = []

    def make() -> str:
        made.append("once")
        return "made"

    for message in told:
        assert isinstance(message, channel_layer.SharedMessage)
        assert message.once("key", make) == "made"
    assert made == ["once"]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thin out messages of the type ``state``, slowly enough to be seen."""
    monkeypatch.setattr(channel_layer, "STATE_SECONDS", 0.3)
    how = channel_layer.StateMessages(
        thing=lambda message: message["thing"],
        version=lambda message: message["number"],
        is_urgent=lambda message: message.get("urgent", False),
    )
    monkeypatch.setitem(channel_layer._state_messages, "state", how)


async def tell_states(layer: ChannelLayer, *states: tuple[str, int]) -> None:
    for thing, number in states:
        await layer.group_send("here", {"type": "state", "thing": thing, "number": number})


def told_of(messages: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(message["thing"], message["number"]) for message in messages]


@pytest.mark.usefixtures("state")
async def test_of_a_state_the_first_is_told_at_once_and_then_the_latest(
    layer: ChannelLayer,
) -> None:
    channel, beside = await layer.new_channel(), await layer.new_channel()
    for each in (channel, beside):
        await layer.group_add("here", each)
    await tell_states(layer, ("a", 1), ("a", 2), ("b", 1), ("a", 4), ("a", 3))
    began = asyncio.get_running_loop().time()
    # Other things wait for nothing; an older one that comes late takes no newer one's place.
    assert told_of(await heard(layer, channel, 2)) == [("a", 1), ("b", 1)]
    assert asyncio.get_running_loop().time() - began < 0.3
    assert told_of(await heard(layer, channel, 1)) == [("a", 4)]
    assert told_of(await heard(layer, beside, 3)) == [("a", 1), ("b", 1), ("a", 4)]
    # Still within the pause after the one that waited.
    await tell_states(layer, ("a", 5), ("a", 6))
    assert told_of(await heard(layer, channel, 1)) == [("a", 6)]
    await asyncio.sleep(0.7)
    assert not layer._get_layer()._recent
    await tell_states(layer, ("a", 7))
    assert told_of(await heard(layer, channel, 1)) == [("a", 7)]


@pytest.mark.usefixtures("state")
async def test_the_last_of_many_states_is_always_told(layer: ChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("here", channel)
    for number in range(100):
        await tell_states(layer, (f"thing {number % 7}", number))
        await asyncio.sleep(0.005)
    last: dict[str, int] = {}
    while sorted(last.values()) != list(range(93, 100)):
        last |= told_of(await heard(layer, channel, 1))


@pytest.mark.usefixtures("state")
async def test_an_urgent_state_waits_for_nothing_and_drops_what_is_older(
    layer: ChannelLayer,
) -> None:
    channel = await layer.new_channel()
    await layer.group_add("here", channel)
    await tell_states(layer, ("a", 1), ("a", 2))
    await layer.group_send("here", {"type": "state", "thing": "a", "number": 3, "urgent": True})
    await tell_states(layer, ("b", 1))
    assert told_of(await heard(layer, channel, 3)) == [("a", 1), ("a", 3), ("b", 1)]
    await asyncio.sleep(0.5)
    await tell_states(layer, ("a", 4))
    assert told_of(await heard(layer, channel, 1)) == [("a", 4)]


async def test_what_cannot_be_read_is_dropped(layer: ChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.group_add("here", channel)
    group = f"{settings.CHANNEL_PREFIX}__group__here"
    for data in (b"", b"\xc1", layer.serialize([1]), layer.serialize({"type": 1})):
        await run_sync(stores.redis().publish, group, channel_signing.seal(group, data))
    await layer.group_send("here", {"type": "x"})
    assert await heard(layer, channel, 1) == [{"type": "x"}]


async def test_who_left_hears_nothing_and_may_come_back(layer: ChannelLayer) -> None:
    stays, leaves = await layer.new_channel(), await layer.new_channel()
    for channel in (stays, leaves):
        await layer.group_add("group.1", channel)
    await layer.group_discard("group.1", leaves)
    await layer.group_send("group.1", {"type": "first"})
    assert await heard(layer, stays, 1) == [{"type": "first"}]
    await layer.group_discard("group.1", stays)
    await layer.group_add("group.1", leaves)
    await layer.group_send("group.1", {"type": "second"})
    assert await heard(layer, leaves, 1) == [{"type": "second"}]


async def test_one_channel_is_reached_from_elsewhere(layer: ChannelLayer) -> None:
    channel = await layer.new_channel()
    other = layer_at(settings.REDIS_URL)
    await other.send(channel, {"type": "direct"})
    assert await heard(layer, channel, 1) == [{"type": "direct"}]
    await other.flush()


async def test_after_a_loss_it_subscribes_again_and_says_so(
    far: tuple[Relay, ChannelLayer],
) -> None:
    relay, layer = far
    channel = await layer.new_channel()
    await layer.group_add("group.1", channel)
    relay.cut()
    await run_sync(realtime.publish, ("group.1", {"type": "lost"}))
    relay.open()
    assert await heard(layer, channel, 1) == [channel_layer.RECONNECTED]
    await run_sync(realtime.publish, ("group.1", {"type": "heard"}))
    assert await heard(layer, channel, 1) == [{"type": "heard"}]


async def test_it_says_over_which_connection_a_group_is_heard(
    far: tuple[Relay, ChannelLayer],
) -> None:
    relay, layer = far
    channel = await layer.new_channel()
    connection = layer.hearing("group.1")
    assert connection() is None
    await layer.group_add("group.1", channel)
    first = connection()
    assert first is not None
    relay.cut()
    async with asyncio.timeout(PATIENCE):
        while connection() is not None:  # noqa: ASYNC110  the layer tells nobody
            await asyncio.sleep(0.01)
    relay.open()
    assert await heard(layer, channel, 1) == [channel_layer.RECONNECTED]
    second = connection()
    assert second is not None
    assert second > first


async def test_joining_while_redis_is_away_is_made_up_for(
    far: tuple[Relay, ChannelLayer],
) -> None:
    relay, layer = far
    relay.cut()
    channel = await layer.new_channel()
    await layer.group_add("group.1", channel)
    relay.open()
    assert await heard(layer, channel, 1) == [channel_layer.RECONNECTED]
    await run_sync(realtime.publish, ("group.1", {"type": "heard"}))
    assert await heard(layer, channel, 1) == [{"type": "heard"}]


async def test_a_connection_that_hangs_is_given_up(
    far: tuple[Relay, ChannelLayer],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    relay, layer = far
    monkeypatch.setattr(channel_layer, "SILENCE_SECONDS", 0.3)
    channel = await layer.new_channel()
    await layer.group_add("group.1", channel)
    relay.freeze()
    async with asyncio.timeout(PATIENCE):
        while "Redis does not answer" not in caplog.text:  # noqa: ASYNC110  the layer tells nobody
            await asyncio.sleep(0.05)
    relay.thaw()
    assert await heard(layer, channel, 1) == [channel_layer.RECONNECTED]


async def test_who_is_too_far_behind_is_told_to_read_the_log(
    layer: ChannelLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_layer, "QUEUE_LENGTH", 10)
    channel, beside = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("group.1", channel)
    await layer.group_add("group.1", beside)
    for number in range(15):
        await run_sync(realtime.publish, ("group.1", {"type": "x", "number": number}))
        # Both are told in one go: what this one heard, waits for the other.
        assert await heard(layer, beside, 1) == [{"type": "x", "number": number}]
    told = await heard(layer, channel, 5)
    assert told[0] == channel_layer.RECONNECTED
    assert [message["number"] for message in told[1:]] == [11, 12, 13, 14]

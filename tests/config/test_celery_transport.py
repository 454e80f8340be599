"""A broker that goes away and comes back takes no slot of a worker with it."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis
from django.conf import settings
from kombu import Connection, Queue

from config.celery import app
from tests.patience import await_true
from tests.relays import Relay, relayed

QUEUE = Queue("transport-of-a-test", routing_key="transport-of-a-test")


@pytest.fixture
def relay(stores_clean: None) -> Iterator[Relay]:
    with relayed(settings.REDIS_URL) as (relay, _url):
        yield relay


@pytest.fixture
def connection(relay: Relay) -> Iterator[Connection]:
    options = {"socket_connect_timeout": 1, "socket_timeout": 2}
    with app.connection_for_read(relay.url(settings.REDIS_URL)) as connection:
        connection.transport_options = options
        yield connection


class Consumer:
    """Takes ``slots`` messages at a time on each channel, as a worker of so many slots does."""

    def __init__(self, connection: Connection, *channels: Any, slots: int) -> None:
        self._messages: list[Any] = []
        self._connection = connection
        for channel in channels:
            channel.basic_qos(0, slots)
            connection.Consumer(
                [QUEUE], on_message=self._messages.append, channel=channel
            ).consume()

    def receive(self) -> Any:
        await_true(self._has_received, "No message was delivered.")
        return self._messages.pop()

    def _has_received(self) -> bool:
        # A connection that was cut is made anew by the next attempt; OSError has TimeoutError too.
        with suppress(OSError, redis.ConnectionError):
            self._connection.drain_events(timeout=0.2)
        return bool(self._messages)


def publish(text: str) -> None:
    with app.connection_for_write() as connection:
        connection.Producer().publish({"text": text}, routing_key=QUEUE.name, declare=[QUEUE])


def test_an_acknowledgement_that_was_not_sent_frees_its_slot(
    relay: Relay, connection: Connection
) -> None:
    publish("first")
    publish("second")
    consumer = Consumer(connection, connection.default_channel, slots=1)
    first = consumer.receive()
    relay.cut()
    with pytest.raises(connection.connection_errors):
        first.ack()
    relay.open()
    assert consumer.receive().payload == {"text": "second"}


def test_channels_whose_replies_are_lost_are_closed_at_once(
    relay: Relay, connection: Connection
) -> None:
    publish("only")
    channels: list[Any] = [connection.default_channel, connection.channel()]
    Consumer(connection, *channels, slots=2).receive()
    # Nothing waits: each channel has asked for the next message, and its reply is outstanding.
    with pytest.raises(TimeoutError):
        connection.drain_events(timeout=0.2)
    relay.cut()
    # What a worker does after a lost connection.
    connection.collect(socket_timeout=1)
    connection.close()
    assert [channel.closed for channel in channels] == [True, True]

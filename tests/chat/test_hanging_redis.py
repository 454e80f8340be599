"""A Redis that hangs is asked by one caller at a time, and then by all again."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from redis import Redis

from chat import presence
from chat.consumers import heartbeat
from chat.models import Conversation
from chat.services.conversations import customer_sender
from chat.tasks import answer_with_bot
from crm.core import realtime, redis_circuit_breaker
from tests.chat.edits import say
from tests.relays import Relay, relayed

HINT = ("group.1", {"type": "x"})


@pytest.fixture
def hanging(stores_clean: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """Let the hints go to a Redis that keeps its connections and answers nobody."""
    with relayed(settings.REDIS_URL) as (relay, url):
        client = Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)
        monkeypatch.setattr(redis_circuit_breaker, "client", lambda: client)
        monkeypatch.setattr(redis_circuit_breaker, "_ask_again_at", None)
        relay.freeze()
        yield relay
        client.close()


def test_after_one_wait_in_vain_nobody_asks_for_a_while(hanging: Relay) -> None:
    assert redis_circuit_breaker.answers()
    realtime.publish(HINT)
    assert not redis_circuit_breaker.answers()
    hanging.thaw()
    assert not redis_circuit_breaker.answers()


def test_when_the_while_is_over_only_an_answer_ends_it(
    hanging: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_circuit_breaker, "SILENCE_SECONDS", 0.0)
    realtime.publish(HINT)
    assert [redis_circuit_breaker.answers() for _time in range(2)] == [False, False]
    hanging.thaw()
    assert redis_circuit_breaker.answers()


def test_a_redis_that_refuses_may_be_asked(hanging: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_circuit_breaker, "SILENCE_SECONDS", 0.0)
    realtime.publish(HINT)
    hanging.cut()
    assert redis_circuit_breaker.answers()


@pytest.mark.django_db(transaction=True)
def test_a_message_never_waits_for_a_broker_that_hangs(
    conversation: Conversation, hanging: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if the while is over between its hint and its task: the sweeper starts that."""
    monkeypatch.setattr(redis_circuit_breaker, "SILENCE_SECONDS", 0.0)
    queued: list[tuple[object, ...]] = []
    monkeypatch.setattr(answer_with_bot, "delay", lambda *ids: queued.append(ids))
    asked = say(conversation, customer_sender(conversation.customer), "Do you ship?", "m-2")
    assert (asked.seq, asked.pending, queued) == (2, ("answer",), [])
    hanging.thaw()
    again = say(conversation, customer_sender(conversation.customer), "And to Hue?", "m-3")
    assert [ids[2] for ids in queued] == [again.seq]


@pytest.mark.django_db
def test_the_heartbeat_tells_what_it_knows_without_a_redis_that_hangs(
    conversation: Conversation, hanging: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(presence, "refresh", lambda *about: asked.append(about))
    realtime.publish(HINT)
    facts = heartbeat._find_out(
        conversation.organization_id,
        streams=[conversation.pk],
        looked_at=[],
        accesses=[],
        visits=[],
        presences=[],
    )
    assert (facts.last_seqs, facts.online, asked) == ({conversation.pk: 1}, None, [])

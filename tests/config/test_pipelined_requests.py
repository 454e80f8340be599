"""Requests that are sent before the answers to earlier ones were read."""

from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.http import Request

from crm.core.http.daphne_request import DeadlineChannel

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Connection:
    """A channel whose requests are answered by hand."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.begun: list[Any] = []
        self.is_aborted = False
        transport: Any = StringTransport()
        channel: Any = DeadlineChannel()
        transport.abortConnection = self._abort
        channel.callLater = self.clock.callLater
        channel.timeOut = None
        channel.requestFactory = self._request
        channel.makeConnection(transport)
        self.transport, self.channel = transport, channel

    def _abort(self) -> None:
        self.is_aborted = True

    def _request(self, channel: Any, queued: int) -> Any:
        request: Any = Request(channel)
        request.process = lambda: self.begun.append(request)
        return request

    def answer(self) -> None:
        self.begun[-1].setHeader(b"content-length", b"5")
        self.begun[-1].write(b"hello")
        self.begun[-1].finish()


def test_next_request_begins_when_the_answer_before_was_read() -> None:
    line = Connection()
    line.channel.dataReceived(3 * REQUEST)
    assert len(line.begun) == 1
    # The transport's buffer is full.
    line.channel.pauseProducing()
    line.answer()
    assert len(line.begun) == 1
    line.channel.resumeProducing()
    assert len(line.begun) == 2
    line.answer()
    assert len(line.begun) == 3
    line.answer()
    assert line.transport.value().count(b"hello") == 3


def test_answer_that_nobody_reads_is_thrown_away(settings: Any) -> None:
    line = Connection()
    line.channel.dataReceived(REQUEST)
    line.channel.pauseProducing()
    line.answer()
    line.clock.advance(settings.RESPONSE_READ_SECONDS - 1)
    assert not line.is_aborted
    line.clock.advance(1)
    assert line.is_aborted


@pytest.mark.parametrize("times", [1, 3])
def test_answer_that_is_read_slowly_is_read_to_its_end(settings: Any, times: int) -> None:
    line = Connection()
    line.channel.dataReceived(REQUEST)
    for _time in range(times):
        line.channel.pauseProducing()
        line.clock.advance(settings.RESPONSE_READ_SECONDS - 1)
        line.channel.resumeProducing()
    line.answer()
    line.clock.advance(settings.RESPONSE_READ_SECONDS)
    assert not line.is_aborted

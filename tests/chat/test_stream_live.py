"""The stream protocol by the front door: a real server, real sockets."""

import pytest

from chat.models import Conversation, Message, Widget
from config.threads import run_sync
from tests.chat.clients import visit
from tests.servers import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


async def test_first_message_opens_a_conversation(web_server: LiveServer, widget: Widget) -> None:
    visitor = await visit(web_server, widget.site_key)
    assert visitor.session["conversation"] is None
    async with visitor.connected() as client:
        ack = await client.post(None, "m-1")
        assert await client.events(1) == [1]
    head = await run_sync(Conversation.objects.get)
    assert (ack["stream"], ack["epoch"], ack["seq"]) == (head.stream, head.epoch, 1)
    assert len(Message.objects.after(head.organization_id, head.pk, 0)) == 1

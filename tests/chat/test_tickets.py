"""Tickets in Redis."""

import pytest

from chat.errors import TicketInvalid
from chat.tickets import issue_ticket, redeem_ticket
from crm.core import stores


def test_a_ticket_gives_its_claims_once(stores_clean: None) -> None:
    ticket = issue_ticket(kind="visitor", claims={"customer": "1"})
    assert redeem_ticket(kind="visitor", ticket=ticket) == {"customer": "1"}
    with pytest.raises(TicketInvalid):
        redeem_ticket(kind="visitor", ticket=ticket)


def test_a_ticket_lives_for_seconds_and_redis_knows_only_its_hash(stores_clean: None) -> None:
    ticket = issue_ticket(kind="visitor", claims={"customer": "1"})
    (key,) = stores.redis().keys("ticket:*")
    assert ticket.encode() not in key
    assert 0 < stores.redis().ttl(key) <= 30


def test_a_ticket_for_another_kind_of_socket_is_used_up(stores_clean: None) -> None:
    ticket = issue_ticket(kind="visitor", claims={"customer": "1"})
    with pytest.raises(TicketInvalid):
        redeem_ticket(kind="agent", ticket=ticket)
    assert stores.redis().keys("ticket:*") == []

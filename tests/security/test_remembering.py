"""A visitor's token is remembered for seconds, and never beyond a kick that arrives."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from chat.models import Widget
from chat.services.visitors import end_visits
from chat.services.widgets import pause_widget
from crm.core import memo
from crm.core.executor import run_sync
from crm.core.memo import SECONDS, Remembered
from crm.customers.models import Customer
from crm.organizations.models import Membership
from crm.organizations.services.organizations import deactivate_organization
from tests.chat.clients import calling, visit
from tests.servers import LiveServer


class Asked:
    """Counts how often it was asked."""

    def __init__(self, lasts: float = 60.0, during: Callable[[], object] = lambda: None) -> None:
        self.times = 0
        self._lasts, self._during = lasts, during

    def __call__(self) -> tuple[int, float]:
        self.times += 1
        self._during()
        return self.times, self._lasts


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """Give over which connection ends of access are heard, to be changed."""
    number: list[int | None] = [1]
    monkeypatch.setattr(memo, "_connection_id", lambda: number[0])
    return number


@pytest.fixture
def memory() -> Iterator[Remembered[int]]:
    memory: Remembered[int] = Remembered()
    yield memory
    memo._all.remove(memory)


@pytest.mark.usefixtures("connection")
def test_who_was_asked_for_is_remembered_until_access_ends(memory: Remembered[int]) -> None:
    ask = Asked()
    assert [memory.find("key", ask), memory.find("key", ask)] == [1, 1]
    assert memory.find("another", ask) == 2
    memo.forget_all()
    assert memory.find("key", ask) == 3


@pytest.mark.usefixtures("connection")
def test_nothing_is_kept_of_an_answer_during_which_access_ended(memory: Remembered[int]) -> None:
    memory.find("key", Asked(during=memory.forget))
    ask = Asked()
    assert (memory.find("key", ask), ask.times) == (1, 1)


@pytest.mark.usefixtures("connection")
def test_nothing_is_remembered_longer_than_it_lasts(memory: Remembered[int]) -> None:
    ask = Asked(lasts=-1.0)
    assert [memory.find("key", ask), memory.find("key", ask)] == [1, 2]


def test_who_does_not_hear_of_ends_remembers_nothing(
    memory: Remembered[int], connection: list[int | None]
) -> None:
    ask = Asked()
    assert memory.find("key", ask) == 1
    connection[0] = None
    assert memory.find("key", ask) == 2
    # An end may have been among what was lost between the two connections.
    connection[0] = 2
    assert [memory.find("key", ask), memory.find("key", ask)] == [3, 3]


def by_proof(customer: Customer, widget: Widget, owner: Membership) -> None:
    end_visits(customer)


def by_erasure(customer: Customer, widget: Widget, owner: Membership) -> None:
    customer.delete()


def by_pause(customer: Customer, widget: Widget, owner: Membership) -> None:
    pause_widget(by=owner, widget_id=widget.pk)


def by_switch(customer: Customer, widget: Widget, owner: Membership) -> None:
    widget.is_active = False
    widget.save()


def by_operator(customer: Customer, widget: Widget, owner: Membership) -> None:
    deactivate_organization(organization_id=owner.organization_id)


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
@pytest.mark.parametrize(
    "end", [by_proof, by_erasure, by_pause, by_switch, by_operator], ids=lambda end: end.__name__
)
async def test_a_remembered_visitor_is_out_as_soon_as_the_kick_arrives(
    web_server: LiveServer,
    widget: Widget,
    owner: Membership,
    end: Callable[[Customer, Widget, Membership], None],
) -> None:
    visitor = await visit(web_server, widget.site_key)
    customer = await run_sync(Customer.objects.get, pk=visitor.session["customer_id"])
    async with calling(web_server, headers=visitor.headers) as http:

        async def status() -> int:
            return (await http.post("/api/v1/widget/tickets")).status_code

        assert await status() == 201
        await run_sync(end, customer, widget, owner)
        # Right after the entry was made anew at the latest: it would be good for SECONDS yet.
        async with asyncio.timeout(SECONDS / 2):
            while await status() != 401:  # noqa: ASYNC110  the server is asked
                await asyncio.sleep(0.1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_the_web_process_remembers_a_visitor(web_server: LiveServer, widget: Widget) -> None:
    """Not that it is fast: that the test above is about something."""
    visitor = await visit(web_server, widget.site_key)
    async with calling(web_server, headers=visitor.headers) as http:
        assert (await http.post("/api/v1/widget/tickets")).status_code == 201
        # Without a kick, as a backup that is played back would.
        await run_sync(Widget.objects.filter(pk=widget.pk).update, is_active=False)
        assert (await http.post("/api/v1/widget/tickets")).status_code == 201
        await asyncio.sleep(SECONDS + 0.5)
        assert (await http.post("/api/v1/widget/tickets")).status_code == 401

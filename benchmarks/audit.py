"""What the audit costs: an audited write beside one of the same row that is not, by turns."""

from collections.abc import Callable
from itertools import count

from django.db import connection, transaction

from benchmarks.measure import Figure, Spread, at_rate_in_threads, figure_of, one_by_one
from benchmarks.web import main_organization, open_conversations
from chat.models import Conversation
from crm.compliance.actor import Actor, acting
from crm.compliance.models import ActorKind
from crm.compliance.services.verification import Verified, verify
from crm.core import tenancy
from crm.customers.models import Customer
from tests.chaos.stack import Stack

TURN = 25
WRITERS = 4
RATE = 40.0
FLOOR_OF = "the same `UPDATE` of a column of that table which is not watched, by turns of 25"


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    del stack
    turns = 4 if quick else 20
    organization = main_organization()
    customers = list(Customer.objects.filter(organization=organization)[:100])
    numbers = count()
    actor = Actor(ActorKind.USER, str(organization.pk), "192.0.2.7")
    conversation = open_conversations(1)[0]

    def audited() -> None:
        number = next(numbers)
        customer = customers[number % len(customers)]
        Customer.objects.filter(pk=customer.pk).update(phone=str(number))

    def unaudited() -> None:
        number = next(numbers)
        customer = customers[number % len(customers)]
        Customer.objects.filter(pk=customer.pk).update(claimed={"phone": str(number)})

    def summary() -> None:
        # As a message saves it: watched columns are named, and stay what they were.
        Conversation.objects.filter(pk=conversation.pk).update(
            status=conversation.status, priority=conversation.priority, last_seq=next(numbers)
        )

    def bare_head() -> None:
        Conversation.objects.filter(pk=conversation.pk).update(
            channel=conversation.channel, epoch=conversation.epoch, last_seq=next(numbers)
        )

    def in_organization(call: Callable[[], None]) -> Callable[[], None]:
        def work() -> None:
            try:
                with tenancy.organization(organization.pk), acting(actor), transaction.atomic():
                    call()
            finally:
                connection.close()

        return work

    with tenancy.organization(organization.pk), acting(actor):
        figures = [
            _by_turns("a write with its audit entry", audited, unaudited, turns, FLOOR_OF),
            _by_turns(
                "a message's write of its conversation's row",
                summary,
                bare_head,
                turns,
                "the same without watched columns, by turns of 25",
            ),
        ]
        # Its log has not grown.
        Conversation.objects.filter(pk=conversation.pk).update(last_seq=conversation.last_seq)
    calls = 100 if quick else 600
    busy = at_rate_in_threads([in_organization(audited)] * calls, rate=RATE, threads=WRITERS)
    calm = at_rate_in_threads([in_organization(unaudited)] * calls, rate=RATE, threads=WRITERS)
    figures.append(
        figure_of(
            f"writes with entries of one organization at {RATE:.0f}/s",
            busy,
            floor=calm,
            floor_of="the same rate of writes that are not watched",
            how=f"{WRITERS} writers, one chain, customers of their own",
        )
    )
    figures.append(_verifying(quick=quick))
    return figures


def _by_turns(
    work: str, audited: Callable[[], None], unaudited: Callable[[], None], turns: int, floor_of: str
) -> Figure:
    with_entry, without = Spread(), Spread()
    for _turn in range(turns):
        with_entry.values += one_by_one(audited, TURN).values
        without.values += one_by_one(unaudited, TURN).values
    figure = figure_of(
        work,
        with_entry,
        floor=without,
        floor_of=floor_of,
        how="one statement with its commit, one after the other, in one process",
    )
    middle = f"p50 ratio {with_entry.percentile(50) / without.percentile(50):.2f}; "
    return Figure(**{**vars(figure), "details": middle + figure.details})


def _verifying(*, quick: bool) -> Figure:
    """Prove a chain that came about by updates; give the milliseconds of a thousand entries."""
    organization = main_organization()
    with tenancy.all_tenants("The chain of the benchmark is grown and proved."):
        for _round in range(2 if quick else 20):
            Customer.objects.filter(organization=organization).update(stage="visitor")
            Customer.objects.filter(organization=organization).update(stage="customer")
        verified = Verified()
        spread = Spread()

        def prove() -> None:
            assert not list(verify(verified=verified, organization_id=organization.pk))

        spread = one_by_one(prove, 1, warm_up=0)
    return Figure(
        work="proving a thousand entries",
        value=spread.values[0] / verified.entries * 1000,
        unit="ms",
        how=f"`audit verify` of a chain of {verified.entries} entries",
    )

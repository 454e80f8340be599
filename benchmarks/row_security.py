"""What row-level security costs: the same work with it and without it, by turns."""

from collections.abc import Callable
from uuid import UUID

from benchmarks.measure import Figure, Spread, figure_of, one_by_one
from benchmarks.web import main_organization, open_conversations
from chat import inbox
from chat.models import Status
from chat.services import post_message
from chat.services.conversations import customer_sender
from crm.core import tenancy
from crm.core.database.owner import as_owner
from crm.core.ids import uuid7
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.chaos.stack import Stack

LIMIT = 50
TURN = 25
FLOOR_OF = "the same call as the owner of the tables, whom no policy holds, by turns of 25"


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    del stack
    turns = 4 if quick else 20
    organization_id: UUID = main_organization().pk
    member = Membership.objects.select_related("user", "organization").get(
        user__email="agent0@sunbean.example"
    )
    conversation = open_conversations(1)[0]
    sender = customer_sender(conversation.customer)

    def customers() -> None:
        found = Customer.objects.visible_to(member).order_by("-created_at")[:LIMIT]
        assert len(found) == LIMIT

    def conversations() -> None:
        page = inbox.page(member, box=inbox.InboxFilter.ALL, status=Status.OPEN, limit=LIMIT)
        assert len(page.rows) == LIMIT

    def named() -> None:
        list(Customer.objects.visible_to(member).named_like("nobody is called so")[:LIMIT])

    def post() -> None:
        post_message(
            organization_id=organization_id,
            conversation_id=conversation.pk,
            sender=sender,
            content={"type": "text", "text": "Is it here yet?"},
            client_message_id=uuid7().hex,
        )

    works = (
        ("customer list with row-level security", customers, f"{LIMIT} newest customers"),
        ("inbox list with row-level security", conversations, f"`inbox.page`, {LIMIT} rows"),
        ("search by name with row-level security", named, "`named_like`, nobody found"),
        ("message accepted with row-level security", post, "`post_message`, one after the other"),
    )
    return [
        _compared(work, call, organization_id, turns=turns, how=how) for work, call, how in works
    ]


def _compared(
    work: str, call: Callable[[], None], organization_id: UUID, *, turns: int, how: str
) -> Figure:
    held, free = Spread(), Spread()
    for _turn in range(turns):
        with tenancy.organization(organization_id):
            held.values += one_by_one(call, TURN).values
            with as_owner():
                free.values += one_by_one(call, TURN).values
    middle = f"p50 ratio {held.percentile(50) / free.percentile(50):.2f}; "
    figure = figure_of(work, held, floor=free, floor_of=FLOOR_OF, how=f"{how}, in one process")
    return Figure(**{**vars(figure), "details": middle + figure.details})

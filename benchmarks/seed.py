"""Fill the measured installation: conversations whose rows agree with their logs, and FAQs.

Needs `world.enter` before it is imported. Harmless when it is done already.
"""

import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management import call_command
from pymongo import WriteConcern

from benchmarks import world
from chat.managers import ConversationDocuments
from chat.models import (
    ContentType,
    Conversation,
    ConversationRead,
    Direction,
    EventKind,
    Message,
    NewMessage,
    Sender,
    SenderType,
    Status,
    Widget,
)
from chat.services.conversations import agent_sender, customer_sender
from chat.services.message_log import follow
from crm.core import stores
from crm.core.database.owner import as_owner
from crm.core.ids import uuid7
from crm.core.permissions import SystemPrincipal
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role, User
from knowledge.services import FaqContent, import_faqs, index_now

PASSWORD = "correct horse battery"  # noqa: S105  of made-up people on loopback
AGENTS = 10
_BATCH = 5_000
_ROWS = 500
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_STATUSES = (Status.CLOSED, Status.OPEN, Status.BOT, Status.SNOOZED)
_SHARES = (60, 25, 12, 3)
_WORDS = (
    "coffee roast beans delivery order parcel grinder filter espresso refund invoice payment",
    "giao hàng cà phê rang xay hóa đơn đổi trả thanh toán địa chỉ",
    "доставка кофе заказ возврат обжарка помол оплата адрес посылка",
)
_VOCABULARY = [word for words in _WORDS for word in words.split()]


def seed(sizes: world.Sizes) -> None:
    """Bring the stores up to the sizes."""
    mark = world.folder_of(sizes) / "seeded"
    if mark.exists():
        return
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"  {what}, {time.monotonic() - began:.0f} s", flush=True)

    call_command("migrate", verbosity=0)
    _empty()
    tenth = (sizes.conversations // 10, sizes.messages // 10)
    main = (sizes.conversations - tenth[0], sizes.messages - tenth[1])
    for slug, (conversations, messages) in (("sunbean", main), ("inkwell", tenth)):
        organization = Organization.objects.create(name=slug.title(), slug=slug)
        _seed_organization(organization, conversations=conversations, messages=messages)
        say(f"{organization.name}: {conversations} conversations with {messages} messages")
    _seed_faqs(Organization.objects.get(slug="sunbean"), sizes.faqs)
    say(f"{sizes.faqs} FAQs")
    with as_owner() as connection, connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    mark.touch()


def _empty() -> None:
    """Forget an attempt that did not get to its end."""
    stores.mongo().drop_database(stores.mongo_db().name)
    Message.objects.create_indexes()
    ConversationDocuments.create_indexes()
    Organization.objects.all().delete()
    User.objects.all().delete()


def _seed_organization(organization: Organization, *, conversations: int, messages: int) -> None:
    rng = random.Random(organization.slug)  # noqa: S311  the same world at every seeding
    users = _users(organization)
    widget = Widget.objects.create(
        organization=organization,
        name="Shop",
        allowed_domains=["localhost", "127.0.0.1"],
        # What is measured is the path of a message; the bot's work is measured by itself.
        bot_enabled=False,
    )
    unsynced = stores.mongo_db()["messages"].with_options(write_concern=WriteConcern(w=1, j=False))
    documents: list[dict[str, Any]] = []
    lengths = _lengths(rng, conversations, messages)
    for start in range(0, conversations, _ROWS):
        rows: list[Conversation] = []
        for length in lengths[start : start + _ROWS]:
            row, log = _conversation(organization, widget, users, rng, length)
            rows.append(row)
            documents.extend(entry.to_document() for entry in log)
        while len(documents) >= _BATCH:
            unsynced.insert_many(documents[:_BATCH], ordered=False)
            del documents[:_BATCH]
        _store(rows, users, rng)
    if documents:
        unsynced.insert_many(documents, ordered=False)


def _users(organization: Organization) -> list[User]:
    first: User | None = None
    users = []
    for number in range(AGENTS):
        user = User(email=f"agent{number}@{organization.slug}.example", name=f"Agent {number}")
        if first is None:
            user.set_password(PASSWORD)
            first = user
        user.password = first.password
        users.append(user)
    User.objects.bulk_create(users)
    Membership.objects.bulk_create(
        Membership(organization=organization, user=user, role=Role.AGENT) for user in users
    )
    return users


def _lengths(rng: random.Random, conversations: int, messages: int) -> list[int]:
    """Share the messages out: most conversations are short, a few are very long."""
    weights = [rng.lognormvariate(0, 1) for _ in range(conversations)]
    scale = (messages - 2 * conversations) / sum(weights)
    lengths = [2 + int(weight * scale) for weight in weights]
    lengths[0] += messages - sum(lengths)
    return lengths


def _conversation(
    organization: Organization,
    widget: Widget,
    users: Sequence[User],
    rng: random.Random,
    length: int,
) -> tuple[Conversation, list[Message]]:
    """Make a log and the conversation row that follows it."""
    customer = Customer(organization=organization, name=f"Customer {rng.randrange(10**6)}")
    status = rng.choices(_STATUSES, _SHARES)[0]
    assignee = rng.choice(users) if status != Status.BOT and rng.random() < 0.7 else None
    moment = _BEGINNING + timedelta(seconds=rng.randrange(300 * 86_400))
    row = Conversation(
        organization=organization,
        customer=customer,
        widget=widget,
        status=status,
        assignee=assignee,
        language_code="en",
        opened_by=f"seed-{customer.pk.hex}",
        last_message_at=moment,
        snoozed_until=moment + timedelta(days=3000) if status == Status.SNOOZED else None,
    )
    row.created_at = row.updated_at = moment
    log: list[Message] = []
    last: Message | None = None
    for number in range(length):
        moment += timedelta(seconds=rng.randrange(5, 300))
        is_closing = number == length - 1 and status == Status.CLOSED
        new = (
            _closing(assignee or users[0], moment, number)
            if is_closing
            else _line(customer, assignee, rng, moment, number)
        )
        last = _numbered(row, new, last)
        follow(row, last)
        log.append(last)
    row.updated_at = moment
    if status == Status.CLOSED:
        row.closed_at, row.waiting_since = moment, None
    return row, log


def _numbered(row: Conversation, new: NewMessage, last: Message | None) -> Message:
    is_inbound = new.direction == Direction.INBOUND
    return Message(
        tenant_id=row.organization_id,
        conversation_id=row.pk,
        message_id=uuid7(),
        seq=(last.seq if last else 0) + 1,
        kind=new.kind,
        direction=new.direction,
        channel=str(row.channel),
        sender=new.sender,
        content=new.content,
        timestamp=new.timestamp,
        received_at=new.timestamp,
        inbound_total=(last.inbound_total if last else 0) + is_inbound,
        client_message_id=new.client_message_id,
        status={"sent": True, "delivered": False, "read": False, "read_at": None},
    )


def _line(
    customer: Customer,
    assignee: User | None,
    rng: random.Random,
    moment: datetime,
    number: int,
) -> NewMessage:
    if number % 2 == 0:
        sender = customer_sender(customer)
    elif assignee:
        sender = agent_sender(assignee)
    else:
        sender = Sender(type=SenderType.BOT, id="bot", name="Bot")
    return NewMessage(
        sender=sender,
        content={
            "type": ContentType.TEXT.value,
            "text": " ".join(rng.choices(_VOCABULARY, k=rng.randrange(4, 30))),
        },
        client_message_id=f"seed-{customer.pk.hex}-{number}",
        timestamp=moment,
    )


def _closing(user: User, moment: datetime, number: int) -> NewMessage:
    return NewMessage(
        sender=agent_sender(user),
        kind=EventKind.CHANGED,
        content={
            "type": ContentType.EVENT.value,
            "change": {"name": "closed", "status": "closed", "assignee": None},
        },
        client_message_id=f"event-{number}",
        timestamp=moment,
    )


def _store(rows: Sequence[Conversation], users: Sequence[User], rng: random.Random) -> None:
    Customer.objects.bulk_create(row.customer for row in rows)
    created = [row.created_at for row in rows]
    Conversation.objects.bulk_create(rows)
    for row, moment in zip(rows, created, strict=True):
        row.created_at = moment
    ConversationRead.objects.bulk_create(
        ConversationRead(
            organization_id=row.organization_id,
            conversation=row,
            user=rng.choice(users),
            seen_seq=row.last_seq // 2,
            seen_inbound_total=row.inbound_total // 2,
        )
        for row in rows
    )
    ConversationDocuments.collection().insert_many(
        [ConversationDocuments.new_document(row) for row in rows], ordered=False
    )


def _seed_faqs(organization: Organization, count: int) -> None:
    contents = list(_faqs(count))
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents)
    index_now(organization_id=organization.pk)


def _faqs(count: int) -> Iterator[FaqContent]:
    rng = random.Random(count)  # noqa: S311  the same world at every seeding
    asks = ("How do I", "When can I", "Where may I", "Why should I", "Who helps me to")
    verbs = ("return", "exchange", "store", "grind", "order", "track", "cancel", "gift", "review")
    things = ("beans", "a grinder", "a parcel", "a subscription", "an invoice", "a voucher")
    places = ("Hanoi", "Moscow", "Manila", "Da Nang", "Kazan", "Cebu", "Hue", "Tomsk")
    for number in range(count):
        question = (
            f"{rng.choice(asks)} {rng.choice(verbs)} {rng.choice(things)} in "
            f"{rng.choice(places)} with reference {number}?"
        )
        yield FaqContent(
            question=question,
            answer=" ".join(rng.choices(_VOCABULARY, k=40)),
            language_code="en",
            key=f"seed-{number}",
        )

"""One address can neither make visitors without end nor spend the plan's answers of the bot."""

from typing import Any

import pytest
from django.test import Client

from chat.interactions import Outcome
from chat.models import Conversation, Widget
from chat.visitor_addresses import counted_as, store_address
from crm.billing.metrics import Metric
from crm.core import redis_circuit_breaker, stores
from crm.core.permissions import SystemPrincipal
from crm.customers.models import Customer
from crm.organizations.models import Organization
from knowledge import services as knowledge
from knowledge.services import import_faqs, index_now
from tests.billing.plans import used
from tests.chat import bot_turns
from tests.chat.clients import visit
from tests.conftest import make_conversation
from tests.knowledge.conftest import contents
from tests.servers import LiveServer

pytestmark = pytest.mark.django_db

SESSIONS = "/api/v1/widget/sessions"


def start(widget: Widget, token: str | None = None, address: str = "203.0.113.7") -> Any:
    body = {"site_key": widget.site_key, "visitor_token": token}
    return Client().post(SESSIONS, body, content_type="application/json", REMOTE_ADDR=address)


@pytest.fixture
def few_visitors(settings: Any) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"widget_visitor.address": "2/3600"}


def test_new_visitors_of_one_address_are_bounded_and_known_ones_are_not(
    few_visitors: None, widget: Widget
) -> None:
    first = start(widget)
    assert [first.status_code, start(widget).status_code] == [201, 201]
    refused = start(widget)
    assert (refused.status_code, refused.json()["limit"]) == (429, "widget_visitor.address")
    assert int(refused["Retry-After"]) > 0
    assert Customer.objects.count() == 2
    # Whoever was there before comes back, and others come from elsewhere.
    assert start(widget, first.json()["visitor_token"]).status_code == 200
    assert start(widget, address="203.0.113.8").status_code == 201


def test_one_site_does_not_use_up_another_ones_visitors(
    few_visitors: None, organization: Organization, widget: Widget
) -> None:
    other = Widget.objects.create(organization=organization, name="Other")
    for _number in range(2):
        assert start(widget).status_code == 201
    assert start(widget).status_code == 429
    assert start(other).status_code == 201


@pytest.fixture
def few_answers(settings: Any, organization: Organization) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"bot_answer.address": "2/3600"}
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    index_now(organization_id=organization.pk)


def conversation_from(widget: Widget, address: str | None) -> Conversation:
    customer = Customer.objects.create(organization=widget.organization)
    if address is not None:
        store_address(customer.pk, address)
    return make_conversation(customer, widget, first=f"first-{customer.pk}")


def outcome_of(conversation: Conversation) -> str:
    question = bot_turns.ask(conversation, bot_turns.SHIPPING)
    bot_turns.run(question)
    outcome = bot_turns.turn(question).outcome
    assert outcome is not None
    return outcome.value


def test_one_address_cannot_spend_the_answers_of_a_plan(
    few_answers: None, organization: Organization, widget: Widget
) -> None:
    outcomes = [outcome_of(conversation_from(widget, "203.0.113.7")) for _n in range(4)]
    assert outcomes == ["answered", "answered", "too_many", "too_many"]
    assert used(organization, Metric.BOT_ANSWERS) == 2
    # Others are answered, and people take over where the bot stopped.
    assert outcome_of(conversation_from(widget, "203.0.113.8")) == "answered"
    handed = Conversation.objects.filter(status="open").count()
    assert handed == 2


def test_visitors_of_unknown_address_are_counted_as_one(
    few_answers: None,
    organization: Organization,
    stranger_organization: Organization,
    widget: Widget,
) -> None:
    outcomes = [outcome_of(conversation_from(widget, None)) for _number in range(3)]
    assert outcomes == ["answered", "answered", "too_many"]
    garbled = conversation_from(widget, None)
    stores.redis().rpush(f"visitor_address:{garbled.customer_id}", "x")
    assert outcome_of(garbled) == "too_many"
    assert used(organization, Metric.BOT_ANSWERS) == 2
    # Neither those whose address is known, nor another organization's.
    assert outcome_of(conversation_from(widget, "203.0.113.8")) == "answered"
    customer = Customer.objects.create(organization=stranger_organization)
    counted = counted_as(organization_id=stranger_organization.pk, customer_id=customer.pk)
    assert counted == f"{stranger_organization.pk}|unknown"


def test_without_redis_nobodys_address_is_known(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_address(customer.pk, "203.0.113.7")
    monkeypatch.setattr(redis_circuit_breaker, "answers", lambda: False)
    who = {"organization_id": customer.organization_id, "customer_id": customer.pk}
    assert counted_as(**who) is None


def forget_addresses() -> None:
    """Let the time pass for which an address is kept."""
    for key in stores.redis().keys("visitor_address:*"):
        stores.redis().delete(key)


def test_every_message_over_http_notes_its_address(widget: Widget) -> None:
    session = start(widget, address="203.0.113.7").json()
    customer = Customer.objects.get()
    who = {"organization_id": customer.organization_id, "customer_id": customer.pk}
    first = counted_as(**who)
    forget_addresses()
    for number, address in enumerate(("203.0.113.9", "203.0.113.7", "203.0.113.7")):
        answer = Client().post(
            "/api/v1/streams/new/messages",
            {"content": {"type": "text", "text": "Hello"}},
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {session['visitor_token']}",
                "Idempotency-Key": f"m-{number}",
            },
            REMOTE_ADDR=address,
        )
        assert answer.status_code == 201
        assert (counted_as(**who) == first) is (address == "203.0.113.7")


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_every_message_through_a_socket_notes_its_address(
    web_server: LiveServer, widget: Widget
) -> None:
    visitor = await visit(web_server, widget.site_key)
    async with visitor.connected() as client:
        (key,) = stores.redis().keys("visitor_address:*")
        first = stores.redis().get(key)
        forget_addresses()
        await client.post(None, "m-1")
        assert stores.redis().get(key) == first


def test_the_team_is_told_why_the_bot_stopped(few_answers: None, widget: Widget) -> None:
    for _number in range(2):
        outcome_of(conversation_from(widget, "203.0.113.7"))
    question = bot_turns.ask(conversation_from(widget, "203.0.113.7"), bot_turns.SHIPPING)
    bot_turns.run(question)
    (change,) = bot_turns.changes(question)
    assert (change["name"], change["reason"]) == ("escalated", "too_many")


def test_one_conversation_cannot_spend_them_either(
    few_answers: None, settings: Any, widget: Widget
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {
        "bot_answer.address": "off",
        "bot_answer.conversation": "1/3600",
    }
    conversation = conversation_from(widget, "203.0.113.7")
    assert outcome_of(conversation) == "answered"
    question = bot_turns.ask(conversation, bot_turns.SHIPPING, "again")
    bot_turns.run(question)
    assert bot_turns.changes(question)[0]["reason"] == "too_many"


def test_questions_are_counted_before_the_bot_works_on_them(
    few_answers: None, settings: Any, widget: Widget
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"bot_question.conversation": "2/3600"}
    conversation = conversation_from(widget, "203.0.113.7")
    for number in range(2):
        bot_turns.run(bot_turns.ask(conversation, "Do you sell submarines?", f"unknown-{number}"))
    # A person is awaited: the bot only says what it is sure of, and here it may not look.
    question = bot_turns.ask(conversation, bot_turns.SHIPPING, "third")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(knowledge, "answer", lambda **asked: pytest.fail("It looked."))
        bot_turns.run(question)
    assert bot_turns.turn(question).outcome == Outcome.LEFT_TO_PERSON


def test_redis_knows_no_address_and_forgets_its_hash(widget: Widget) -> None:
    session = start(widget, address="203.0.113.7").json()
    (key,) = stores.redis().keys("visitor_address:*")
    kept = stores.redis().get(key)
    assert isinstance(kept, bytes)
    assert b"203.0.113.7" not in kept
    assert 0 < stores.redis().ttl(key) <= 24 * 3600
    customer = Customer.objects.get()
    counted = counted_as(organization_id=customer.organization_id, customer_id=customer.pk)
    assert counted == f"{customer.organization_id}|{kept.decode()}"
    assert session["is_new"]

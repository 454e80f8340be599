"""A first message opens one conversation, however often it is sent and wherever it was cut off."""

import pytest

from chat.models import Conversation, Message, Widget
from chat.services import close, open_conversation, reconcile
from crm.core.errors import StoreUnavailable
from crm.customers.models import Customer
from crm.organizations.models import Membership

pytestmark = pytest.mark.django_db


def say(customer: Customer, widget: Widget, key: str) -> Message:
    return open_conversation(
        organization_id=customer.organization_id,
        customer_id=customer.pk,
        widget=widget,
        language_code="en",
        content={"type": "text", "text": "Is anybody there?"},
        client_message_id=key,
    )


@pytest.fixture
def log_that_refuses(stores_clean: None):
    """Let MongoDB refuse every new message, and give a way to make it well again."""
    database = Message.objects.collection.database
    Message.objects.collection.create_index("blocked", name="block", unique=True)
    Message.objects.collection.insert_one({"blocked": None, "tenant_id": "none", "seq": 0})

    def heal() -> None:
        database["messages"].drop_index("block")
        database["messages"].delete_many({"tenant_id": "none"})

    yield heal
    if "block" in database["messages"].index_information():
        heal()


def test_the_same_first_message_opens_one_conversation(customer: Customer, widget: Widget):
    first = say(customer, widget, "hello")
    assert say(customer, widget, "hello").message_id == first.message_id
    assert Conversation.objects.count() == 1


def test_a_second_line_joins_the_open_conversation(customer: Customer, widget: Widget):
    first = say(customer, widget, "hello")
    second = say(customer, widget, "more")
    assert (second.conversation_id, second.seq) == (first.conversation_id, 2)


def test_a_line_after_the_close_opens_another(
    customer: Customer, widget: Widget, agent: Membership
):
    first = say(customer, widget, "hello")
    close(
        organization_id=customer.organization_id,
        conversation_id=first.conversation_id,
        by=agent,
    )
    assert say(customer, widget, "again").conversation_id != first.conversation_id


@pytest.mark.parametrize("key", ["hello", "more"])
def test_a_retry_after_the_close_gives_what_was_stored(
    customer: Customer, widget: Widget, agent: Membership, key: str
):
    stored = {name: say(customer, widget, name) for name in ("hello", "more")}
    close(
        organization_id=customer.organization_id,
        conversation_id=stored["hello"].conversation_id,
        by=agent,
    )
    assert say(customer, widget, key).message_id == stored[key].message_id
    assert Conversation.objects.count() == 1


def test_a_message_that_could_not_be_stored_leaves_nothing_to_see_and_its_retry_works(
    customer: Customer, widget: Widget, agent: Membership, log_that_refuses
):
    with pytest.raises(StoreUnavailable):
        say(customer, widget, "hello")
    assert list(Conversation.objects.visible_to(agent)) == []
    assert Message.objects.collection.count_documents({"client_message_id": "hello"}) == 0

    log_that_refuses()
    message = say(customer, widget, "hello")
    assert [head.pk for head in Conversation.objects.visible_to(agent)] == [message.conversation_id]
    assert reconcile().differences == []

"""Single records: read, write, refuse."""

from typing import Any

import pytest

from chat.events import Audience, event_frame
from chat.models import Conversation, Message, Status
from crm.core.ids import uuid7
from crm.core.permissions import Rights, SystemPrincipal
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, User
from knowledge.models import Faq
from knowledge.services import create_category
from tests.api.conftest import Api
from tests.organizations.people import member_with

CUSTOMERS = "/api/v1/customers"
FAQS = "/api/v1/knowledge/faqs"
FAQ = {"question": "Do you ship?", "answer": "Yes.", "language": "en", "phrasings": ["Shipping?"]}


def refused(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_a_phone_number_of_a_typesetter_is_taken(api: Api) -> None:
    made = api.post(CUSTOMERS, {"phone": "+7\u00a0495 123\u201145\u201367"})
    assert (made.status_code, made.json()["phone"]) == (201, "+7 495 123-45-67")
    assert api.get(f"{CUSTOMERS}?search=1234567").json()["results"][0]["id"] == made.json()["id"]


def test_a_customer_with_only_a_number_is_called_by_it(api: Api) -> None:
    made = api.post(CUSTOMERS, {"phone": "(+84) 24 3825 1234"}).json()
    assert made["display_name"] == "(+84) 24 3825 1234"


def test_a_customer_is_created_read_and_changed(api: Api) -> None:
    made = api.post(CUSTOMERS, {"name": "Minh", "phone": "+84 24 1234", "language": "vi"})
    assert made.status_code == 201
    path = made["Location"]
    assert api.get(path).json() == made.json()
    assert made.json()["stage"] == "customer"
    changed = api.patch(path, {"email": "minh@example.com"})
    assert changed.json()["email"] == "minh@example.com"
    assert changed.json()["name"] == "Minh"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"organization": str(uuid7())}, "unknown_field"),
        ({"organization_id": str(uuid7())}, "unknown_field"),
        ({"id": str(uuid7())}, "unknown_field"),
        ({"claimed": {"vip": True}}, "unknown_field"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "unknown_field"),
    ],
)
def test_members_that_are_not_ones_to_set_are_refused(
    api: Api, customer: Customer, body: Any, code: str
) -> None:
    assert refused(api.post(CUSTOMERS, body)) == (400, code)
    assert refused(api.patch(f"{CUSTOMERS}/{customer.pk}", body)) == (400, code)
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        7,
        None,
        {"email": "no address"},
        {"name": {"$gt": ""}},
        {"name": ["a"]},
        {"name": "a\0b"},
        {"name": "x" * 256},
        {"stage": "boss"},
        {"phone": "call me"},
        {"phone": "--"},
        {"phone": 912345678},
        {"name": 5},
        {"name": 1e308},
    ],
)
def test_values_that_cannot_be_used_are_refused(api: Api, body: Any) -> None:
    answer = api.post(CUSTOMERS, body)
    assert (answer.status_code, Customer.objects.count()) in {(400, 0), (201, 1)}
    assert answer.status_code == 400 or body is None


def test_a_faq_is_created_read_changed_and_deleted(api: Api) -> None:
    made = api.post(FAQS, FAQ)
    assert made.status_code == 201
    path = made["Location"]
    assert api.get(path).json()["phrasings"] == ["Shipping?"]
    changed = api.patch(path, {"answer": "Yes, everywhere."})
    assert (changed.json()["answer"], changed.json()["question"]) == (
        "Yes, everywhere.",
        "Do you ship?",
    )
    assert api.send("DELETE", path).status_code == 204
    assert refused(api.get(path)) == (404, "faq_not_found")
    assert Faq.objects.get().deleted_at is not None


def test_a_key_that_is_taken_is_a_409(api: Api) -> None:
    assert api.post(FAQS, FAQ | {"key": "shipping"}).status_code == 201
    assert refused(api.post(FAQS, FAQ | {"key": "shipping"})) == (409, "faq_key_taken")
    missing = FAQ | {"category_id": str(uuid7())}
    assert refused(api.post(FAQS, missing)) == (404, "faq_category_not_found")


def test_messages_of_an_agent_and_notes(api: Api, conversation: Conversation) -> None:
    path = f"/api/v1/conversations/{conversation.pk}/messages"
    answer = api.post(path, {"text": "Hello!"})
    note = api.post(path, {"type": "note", "text": "Call them."})
    assert (answer.status_code, note.status_code) == (201, 201)
    assert answer.json()["data"]["content"] == {"type": "text", "text": "Hello!"}
    events = api.get(path).json()["events"]
    # The reply took over what was nobody's, which is an entry of its own before it.
    assert [event["seq"] for event in events] == [1, 2, 3, 4]
    assert events[1]["data"]["change"]["name"] == "taken_over"
    assert events[2] == answer.json()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_field"),
        ({"text": ""}, "invalid_field"),
        ({"text": "   "}, "empty_text"),
        ({"text": "a\x01b"}, "control_characters"),
        ({"text": "Hi", "type": "event"}, "invalid_field"),
        ({"text": "Hi", "sender": "bot"}, "unknown_field"),
    ],
)
def test_a_message_that_cannot_be_used_is_not_stored(
    api: Api, conversation: Conversation, body: Any, code: str
) -> None:
    answer = api.post(f"/api/v1/conversations/{conversation.pk}/messages", body)
    assert answer.status_code == 400
    assert answer.json()["code"] in {code, "invalid"}
    assert len(Message.objects.after(conversation.organization_id, conversation.pk, 0)) == 1


def test_conversations_are_assigned_closed_and_reopened(
    api: Api, agent: Membership, conversation: Conversation
) -> None:
    path = f"/api/v1/conversations/{conversation.pk}"
    for action, body, status in [
        ("assign", {"assignee": str(agent.user_id)}, Status.OPEN),
        ("close", None, Status.CLOSED),
        ("reopen", None, Status.OPEN),
    ]:
        answer = api.post(f"{path}/{action}", body)
        assert (answer.status_code, answer.json()["conversation"]["status"]) == (200, status)
    assert api.get(path).json()["conversation"]["assignee"]["id"] == str(agent.user_id)


def test_me_says_who_asks_and_what_they_may(
    api: Api, owner: Membership, viewer: Membership
) -> None:
    me = api.get("/api/v1/me").json()
    assert (me["user"]["email"], me["role"]) == (owner.user.email, "owner")
    assert me["organization"]["slug"] == "sunbean"
    assert me["rights"]["inbox"] == {"read": "all", "write": "all"}
    theirs = Api(viewer).get("/api/v1/me").json()
    assert theirs["rights"]["inbox"] == {"read": "all", "write": "none"}
    assert api.get("/api/v1/me", {"fields": "role"}).json() == {"role": "owner"}


def test_my_profile_is_changed_and_nothing_else(api: Api, owner: Membership) -> None:
    answer = api.patch("/api/v1/me", {"language": "vi", "timezone": "Asia/Ho_Chi_Minh"})
    assert answer.json()["user"]["language"] == "vi"
    user = User.objects.get(pk=owner.user_id)
    assert (user.timezone, user.name, user.email) == ("Asia/Ho_Chi_Minh", "Olga", owner.user.email)
    for body in ({"email": "x@x.example"}, {"is_staff": True}, {"password": "x"}):
        assert refused(api.patch("/api/v1/me", body)) == (400, "unknown_field")
    assert api.patch("/api/v1/me", {"timezone": "Moon/Base"}).status_code == 400


def test_the_organization_is_changed_by_those_who_may(
    api: Api, agent: Membership, organization: Organization
) -> None:
    assert (
        api.patch("/api/v1/organization", {"name": "Sunbean Ltd"}).json()["name"] == "Sunbean Ltd"
    )
    assert api.get("/api/v1/organization").json()["slug"] == "sunbean"
    low = Api(agent)
    assert refused(low.patch("/api/v1/organization", {"name": "Mine"})) == (403, "forbidden")
    assert refused(api.patch("/api/v1/organization", {"slug": "x"})) == (400, "unknown_field")
    organization.refresh_from_db()
    assert (organization.name, organization.slug) == ("Sunbean Ltd", "sunbean")


def test_members_are_read(api: Api, agent: Membership) -> None:
    one = api.get(f"/api/v1/members/{agent.pk}").json()
    assert (one["name"], one["role"], one["is_active"]) == ("Linh", "agent", True)


def test_viewers_change_nothing(
    viewer: Membership, customer: Customer, conversation: Conversation
) -> None:
    low = Api(viewer)
    for answer in (
        low.post(CUSTOMERS, {"name": "A"}),
        low.patch(f"{CUSTOMERS}/{customer.pk}", {"name": "A"}),
        low.post(FAQS, FAQ),
        low.post(f"/api/v1/conversations/{conversation.pk}/messages", {"text": "Hi"}),
        low.post(f"/api/v1/conversations/{conversation.pk}/close"),
        low.patch(f"/api/v1/conversations/{conversation.pk}", {"priority": "high"}),
    ):
        assert answer.status_code == 403
    assert low.get(CUSTOMERS).status_code == 200
    customer.refresh_from_db()
    assert customer.name == "Minh"


def test_a_conversation_gets_priority_and_labels(
    api: Api, owner: Membership, conversation: Conversation
) -> None:
    path = f"/api/v1/conversations/{conversation.pk}"
    wanted = {"priority": "high", "labels": ["refund", "delivery", "refund"]}
    answer = api.patch(path, wanted)
    assert answer.status_code == 200
    row = answer.json()["conversation"]
    assert (row["priority"], row["labels"]) == ("high", ["refund", "delivery"])
    entries = Message.objects.after(conversation.organization_id, conversation.pk, 1)
    assert [entry.content["change"]["name"] for entry in entries] == ["prioritized", "labelled"]
    assert entries[1].content["change"]["labels"] == ["refund", "delivery"]
    assert {entry.sender.name for entry in entries} == {"Olga"}
    # How the team sorts its work is not the customer's to know.
    assert [event_frame(entry, Audience.CUSTOMER)["data"] for entry in entries] == [{}, {}]
    # The same again, and nothing at all, are no change.
    assert api.patch(path, {**wanted, "labels": row["labels"]}).status_code == 200
    assert api.patch(path, {}).status_code == 200
    assert len(api.get("/api/v1/conversations", {"priority": "high"}).json()["results"]) == 1
    assert api.patch(path, {"labels": []}).json()["conversation"]["labels"] == []
    assert len(Message.objects.after(conversation.organization_id, conversation.pk, 1)) == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"priority": "urgent"}, "invalid_field"),
        ({"priority": None}, "invalid_field"),
        ({"labels": "refund"}, "invalid_field"),
        ({"labels": [""]}, "invalid_field"),
        ({"labels": ["x" * 51]}, "invalid_field"),
        ({"labels": ["\u0007"]}, "invalid_field"),
        ({"labels": [{"$ne": 1}]}, "invalid_field"),
        ({"labels": [f"l{number}" for number in range(21)]}, "invalid_field"),
        ({"priority": "high", "labels": [True]}, "invalid_field"),
        ({"priority": "high", "status": "closed"}, "unknown_field"),
        ({"priority": "high", "last_seq": 99}, "unknown_field"),
        ({"organization_id": "0"}, "unknown_field"),
    ],
)
def test_what_cannot_be_said_of_a_conversation_is_refused(
    api: Api, conversation: Conversation, body: dict[str, Any], code: str
) -> None:
    assert refused(api.patch(f"/api/v1/conversations/{conversation.pk}", body)) == (400, code)
    conversation.refresh_from_db()
    assert (conversation.priority, conversation.labels) == ("medium", [])
    assert conversation.last_seq == 1


def test_a_strangers_records_are_not_there(
    stranger: Membership, agent: Membership, customer: Customer, conversation: Conversation
) -> None:
    them = Api(stranger)
    for answer in (
        them.get(f"{CUSTOMERS}/{customer.pk}"),
        them.patch(f"{CUSTOMERS}/{customer.pk}", {"name": "Theirs"}),
        them.get(f"/api/v1/conversations/{conversation.pk}"),
        them.patch(f"/api/v1/conversations/{conversation.pk}", {"priority": "high"}),
        them.get(f"/api/v1/conversations/{conversation.pk}/messages"),
        them.post(f"/api/v1/conversations/{conversation.pk}/messages", {"text": "Hi"}),
        them.get(f"/api/v1/members/{agent.pk}"),
    ):
        assert answer.status_code == 404
    customer.refresh_from_db()
    assert customer.name == "Minh"


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/me", 7),
        ("/api/v1/organization", 7),
        ("/api/v1/customers/{customer}", 7),
        ("/api/v1/members/{member}", 7),
    ],
)
def test_a_record_costs_few_queries(
    api: Api,
    agent: Membership,
    customer: Customer,
    path: str,
    most: int,
    django_assert_max_num_queries: Any,
) -> None:
    address = path.format(customer=customer.pk, member=agent.pk)
    with django_assert_max_num_queries(most):
        assert api.get(address).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/customers", "/api/", "/api/v1"])
def test_a_path_that_is_not_there_is_a_problem(api: Api, path: str) -> None:
    assert refused(api.get(path)) == (404, "not_found")
    assert refused(api.post(path, {})) == (404, "not_found")


def test_nobody_gets_nothing(client: Any) -> None:
    for path in (CUSTOMERS, FAQS, "/api/v1/me", "/api/v1/members", "/api/v1/organization"):
        answer = client.get(path)
        assert answer.status_code in {401, 403}
        assert answer.json()["code"] in {"not_authenticated", "forbidden"}


def test_categories_are_named_by_language(api: Api, viewer: Membership) -> None:
    path = "/api/v1/knowledge/categories"
    made = api.post(path, {"name": "Delivery", "names": {"vi": "Giao hàng", "ru": " "}})
    assert made.status_code == 201
    one = f"{path}/{made.json()['id']}"
    assert made.headers["Location"] == one
    assert api.get(one).json()["names"] == {"vi": "Giao hàng"}
    assert api.patch(one, {"name": "Shipping"}).json()["names"] == {"vi": "Giao hàng"}
    changed = api.patch(one, {"names": {"ru": "Доставка"}}).json()
    assert (changed["name"], changed["names"]) == ("Shipping", {"ru": "Доставка"})
    for wrong in ({"xx": "Livraison"}, {"vi": "g" * 101}, ["vi"]):
        assert api.patch(one, {"names": wrong}).status_code == 400
    assert refused(api.post(path, {"name": "Shipping"})) == (409, "category_name_taken")
    assert [each["name"] for each in api.get(path).json()["results"]] == ["Shipping"]
    assert api.delete(one).status_code == 204
    assert refused(api.get(one)) == (404, "faq_category_not_found")


def test_categories_of_others_are_not_there(api: Api, stranger: Membership) -> None:
    theirs = create_category(by=SystemPrincipal(stranger.organization_id), name="Theirs")
    path = f"/api/v1/knowledge/categories/{theirs.pk}"
    for answer in (api.get(path), api.patch(path, {"name": "Ours"}), api.delete(path)):
        assert refused(answer) == (404, "faq_category_not_found")
    assert api.get("/api/v1/knowledge/categories").json()["results"] == []


def test_a_role_of_ones_own_is_told_by_its_name_alone(
    api: Api, organization: Organization, agent: Membership
) -> None:
    night = member_with(organization, "Nora", Rights({}))
    one = api.get(f"/api/v1/members/{night.pk}").json()
    assert (one["role"], one["role_name"]) == (None, night.role_name)
    assert Api(night).get("/api/v1/me").json()["role"] is None
    listed = api.get("/api/v1/members", {"role": night.role}).json()["results"]
    assert str(night.pk) not in {each["id"] for each in listed}
    agents = api.get("/api/v1/members", {"role": "agent"}).json()["results"]
    assert [each["id"] for each in agents] == [str(agent.pk)]

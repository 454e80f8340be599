"""The demo's files agree with each other, and loading them twice changes nothing."""

import io
import json
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from chat.content import clean_content
from chat.demo import conversations as scripts
from chat.demo.content import read
from chat.models import Conversation, ConversationRead, Message, Status, Widget
from chat.services import post_message, reopen
from chat.services.conversations import customer_sender
from crm.core.permissions import SystemPrincipal
from crm.customers.models import Customer
from crm.deals.models import Deal, DealMove, LostReason, Pipeline, Stage
from crm.organizations.models import ExchangeRate, Language, Membership, Organization, Role, User
from knowledge.models import Faq, FaqCategory, Passage
from knowledge.services import FaqContent, delete_faq, update_faq

pytestmark = pytest.mark.long

LANGUAGES = ["en", "vi", "ru"]


def load() -> dict[str, Any]:
    """Run the command; give the one line of JSON that it prints."""
    output, progress = io.StringIO(), io.StringIO()
    call_command("load_demo", json=True, stdout=output, stderr=progress)
    lines = output.getvalue().strip().splitlines()
    assert len(lines) == 1
    assert progress.getvalue().strip()
    told: dict[str, Any] = json.loads(lines[0])
    return told


def log_of(conversation: Conversation) -> list[Message]:
    return Message.objects.after(conversation.organization_id, conversation.pk, 0, limit=500)


def everything() -> dict[str, Any]:
    """Give all that a second run could have changed, as it stands in the stores."""
    conversations = Conversation.objects.order_by("pk")
    return {
        "rows": {
            model.__name__: sorted(model.objects.values_list(), key=str)
            for model in (
                Organization,
                User,
                Membership,
                Widget,
                FaqCategory,
                Faq,
                Customer,
                Conversation,
                ConversationRead,
                Deal,
                DealMove,
                ExchangeRate,
                LostReason,
                Pipeline,
                Stage,
            )
        },
        "passages": {
            organization.slug: Passage.objects.count(organization_id=organization.pk)
            for organization in Organization.objects.all()
        },
        "log": [message for conversation in conversations for message in log_of(conversation)],
    }


def shop() -> Organization:
    return Organization.objects.get(slug="bazanta")


# --- The files ----------------------------------------------------------------------------------


def test_every_topic_exists_in_every_language():
    topics = {
        language: [(entry["key"], entry["category"]) for entry in read(f"faqs_{language}.json")]
        for language in LANGUAGES
    }
    assert len(topics["en"]) >= 40
    assert topics["en"] == topics["vi"] == topics["ru"]
    assert len(set(topics["en"])) == len(topics["en"])


@pytest.mark.parametrize(
    "file", [*(f"faqs_{language}.json" for language in LANGUAGES), "bookshop_faqs_en.json"]
)
def test_faqs_are_whole_and_no_question_stands_twice(file: str):
    entries = read(file)
    assert all(set(entry) == {"key", "category", "question", "answer"} for entry in entries)
    assert all(value.strip() == value != "" for entry in entries for value in entry.values())
    questions = [entry["question"].casefold() for entry in entries]
    assert len(set(questions)) == len(questions)
    assert {entry["category"] for entry in entries} <= {
        category["key"] for category in read("categories.json")
    }


def test_categories_have_a_name_in_each_language():
    for category in read("categories.json"):
        assert sorted(category["name"]) == sorted(LANGUAGES)
        assert all(category["name"].values())


@pytest.mark.parametrize("organization", read("organizations.json"), ids=lambda one: one["slug"])
def test_conversations_name_people_and_faqs_that_exist(organization: dict[str, Any]):
    people = {person["key"]: person for person in read("people.json")}
    told = read(organization["conversations"])
    assert len({conversation["key"] for conversation in told}) == len(told)
    for conversation in told:
        assert conversation["status"] in Status.values
        answers = {
            entry["key"] for entry in read(organization["faqs"][conversation["language_code"]])
        }
        turns = conversation["turns"]
        assert turns[0]["from"] == "visitor"
        ages = [turn["ago"] for turn in turns]
        assert ages == sorted(ages, reverse=True)
        for turn in turns:
            if "faq" in turn:
                assert turn["faq"] in answers
            elif "escalate" not in turn:
                assert clean_content({"type": "text", "text": turn["text"]})["text"]
            if turn["from"] == "agent":
                roles = {
                    place["organization"]: place["role"]
                    for place in people[turn["by"]]["memberships"]
                }
                assert roles[organization["slug"]] != Role.VIEWER


def test_the_shop_has_conversations_of_every_status_in_every_language():
    told = read("conversations.json")
    for language in LANGUAGES:
        here = [one for one in told if one["language_code"] == language]
        assert len(here) == 4
    assert {one["status"] for one in told} == set(Status.values)
    assert any(turn.get("note") for one in told for turn in one["turns"])


# --- The command --------------------------------------------------------------------------------


def test_it_tells_how_to_get_in(db: None, stores_clean: None, settings: Settings):
    settings.DEMO_PASSWORD = "one for the demo"
    told = load()
    assert set(told) == {"organization", "widget_site_key", "logins"}
    assert told["organization"] == "Bazanta Coffee Roasters"
    widget = Widget.objects.get(site_key=told["widget_site_key"])
    assert widget.organization == shop()
    assert widget.allowed_domains == ["localhost", "127.0.0.1"]
    assert {login["role"] for login in told["logins"]} == {
        "operator",
        "owner",
        "supervisor",
        "agent",
        "viewer",
    }
    for login in told["logins"]:
        user = User.objects.get(email=login["email"])
        assert user.check_password(login["password"])
        assert user.is_superuser == (login["role"] == "operator")

    settings.DEMO_PASSWORD = "another for the demo"
    output = io.StringIO()
    call_command("load_demo", stdout=output)
    for login in told["logins"]:
        assert re.search(rf"{login['email']} +another for the demo", output.getvalue())
        assert User.objects.get(email=login["email"]).check_password("another for the demo")
    assert "/demo/" in output.getvalue()


def test_a_second_run_changes_nothing(db: None, stores_clean: None):
    first_told = load()
    first = everything()
    counted = {name: len(rows) for name, rows in first["rows"].items()}
    topics = len(read("faqs_en.json"))
    assert counted["Organization"] == 2
    assert counted["Faq"] == 3 * topics + len(read("bookshop_faqs_en.json"))
    assert counted["Conversation"] == counted["Customer"] == 14
    assert counted["Deal"] == len(read("deals.json")["deals"])
    assert first["passages"]["bazanta"] >= 3 * topics

    assert load() == first_told
    assert everything() == first

    # Nor what people have made of it since.
    changed, deleted = Faq.objects.of(shop().pk).filter(language_code=Language.ENGLISH)[:2]
    update_faq(
        by=SystemPrincipal(shop().pk),
        faq_id=changed.pk,
        content=FaqContent(
            question=changed.question,
            answer="Changed by hand.",
            language_code=changed.language_code,
            key=changed.key,
            category_id=changed.category_id,
        ),
    )
    delete_faq(by=SystemPrincipal(shop().pk), faq_id=deleted.pk)
    owner = Membership.objects.get(user__email="owner@demo.example")
    closed = Conversation.objects.filter(organization=shop(), status=Status.CLOSED)[0]
    reopen(organization_id=shop().pk, conversation_id=closed.pk, by=owner)
    post_message(
        organization_id=shop().pk,
        conversation_id=closed.pk,
        sender=customer_sender(closed.customer),
        content={"type": "text", "text": "One more thing"},
        client_message_id="one-more",
    )
    Membership.objects.filter(user__email="viewer@demo.example").update(role=Role.ADMIN)

    load()
    assert Faq.objects.get(pk=changed.pk).answer == "Changed by hand."
    assert not Faq.objects.of(shop().pk).alive().filter(key=deleted.key, language_code="en")
    assert Conversation.objects.get(pk=closed.pk).status == Status.OPEN
    assert Membership.objects.get(user__email="viewer@demo.example").role == Role.ADMIN


def test_a_run_that_was_cut_off_is_completed(
    db: None, stores_clean: None, monkeypatch: pytest.MonkeyPatch
):
    played = scripts.escalate

    def fail_at_the_third(**arguments: Any) -> Conversation:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return played(**arguments)

    calls: list[Any] = []
    with monkeypatch.context() as patched:
        patched.setattr(scripts, "escalate", fail_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            load()
    assert 0 < Conversation.objects.count() < 14

    load()
    assert Conversation.objects.count() == Customer.objects.count() == 14
    for told in read("conversations.json"):
        conversation = Conversation.objects.get(opened_by=f"demo-{told['key']}-0")
        posted = [one for one in log_of(conversation) if one.kind == "message.posted"]
        assert len(posted) == len(told["turns"])
        assert conversation.status == told["status"]


def test_without_the_demo_switched_on_nothing_is_loaded(
    db: None, stores_clean: None, settings: Settings
):
    settings.DEMO_ENABLED = False
    with pytest.raises(CommandError, match="DEMO_ENABLED=true"):
        call_command("load_demo")
    assert not Organization.objects.exists()


def test_the_deals_of_the_shop_came_through_their_stages(db: None, stores_clean: None):
    load()
    deals = Deal.objects.filter(organization=shop())
    told = {each["name"]: each for each in read("deals.json")["deals"]}
    assert len(told) == len(deals) > 40
    assert {deal.currency for deal in deals} == {"VND", "RUB", "PHP", "USD"}
    assert sum(deal.is_rotting for deal in deals) >= 5
    for deal in deals.select_related("stage", "customer"):
        wanted = told[deal.name]
        moves = list(DealMove.objects.filter(deal=deal).order_by("at"))
        assert len(moves) == len(wanted["path"])
        assert moves[-1].to_stage_id == deal.stage_id
        assert moves[-1].at == deal.stage_changed_at
        assert deal.created_at == moves[0].at
        assert (deal.customer.email if deal.customer else None) == wanted.get("customer")
        assert (deal.lost_reason_id is not None) == ("reason" in wanted)
        assert (deal.amount_base is None) == (wanted["amount"] is None)
        assert deal.company_id or "company" not in wanted

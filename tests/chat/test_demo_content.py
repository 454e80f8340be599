"""What the loaded demo holds; loaded once, for these tests only read."""

import io
import itertools
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import transaction
from pytest_django import DjangoDbBlocker

from chat.demo.content import read
from chat.intents import Intent, recognise
from chat.models import Conversation, Message, Status
from chat.services.recovery import pending_answers
from crm.core import stores
from crm.organizations.models import Organization
from knowledge.models import Faq, Passage
from knowledge.services import answer

LANGUAGES = ["en", "vi", "ru"]


@pytest.fixture(scope="module")
def demo(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, _mongo_indexes: None
) -> Iterator[None]:
    # How rare a word is counts over the whole index: leftovers of other tests would change answers.
    for name in Passage.objects.collections():
        Passage.objects.drop(name)
    with django_db_blocker.unblock():
        with transaction.atomic():
            call_command("load_demo", json=True, stdout=io.StringIO(), stderr=io.StringIO())
            yield
            transaction.set_rollback(True)
        for name in stores.mongo_db().list_collection_names():
            stores.mongo_db()[name].delete_many({})
        stores.redis().flushdb()


def shop() -> Organization:
    return Organization.objects.get(slug="bazanta")


def log_of(conversation: Conversation) -> list[Message]:
    return Message.objects.after(conversation.organization_id, conversation.pk, 0, limit=500)


def test_the_conversations_are_as_told(demo: None, db: None):
    for told in read("conversations.json"):
        conversation = Conversation.objects.get(
            organization=shop(), opened_by=f"demo-{told['key']}-0"
        )
        assert conversation.status == told["status"]
        log = log_of(conversation)
        assert [message.seq for message in log] == list(range(1, conversation.last_seq + 1))
        posted = [message for message in log if message.kind == "message.posted"]
        assert len(posted) == len(told["turns"])
        for message, turn in zip(posted, told["turns"], strict=True):
            assert message.is_note == turn.get("note", False)
            assert bool(message.content.get("sources")) == ("faq" in turn)
        times = [message.timestamp for message in log]
        assert times == sorted(times)
        agents = [turn["by"] for turn in told["turns"] if "by" in turn]
        assert bool(conversation.assignee) == bool(agents)
        is_waiting = told["turns"][-1]["from"] == "visitor" and told["status"] != Status.CLOSED
        assert bool(conversation.waiting_since) == is_waiting


def test_the_bot_finds_nothing_left_to_answer(demo: None, db: None):
    assert pending_answers() == []
    assert all(
        message.pending == ()
        for conversation in Conversation.objects.all()
        for message in log_of(conversation)
    )


def test_each_question_finds_its_own_answer(demo: None, db: None):
    for language in LANGUAGES:
        for entry in read(f"faqs_{language}.json"):
            found = answer(organization_id=shop().pk, question=entry["question"], language=language)
            assert (found.is_known, found.text) == (True, entry["answer"])


def test_the_bookshop_knows_nothing_of_the_roastery(demo: None, db: None):
    books = Organization.objects.get(slug="ulan-pahina")
    hours = answer(organization_id=books.pk, question="What are your opening hours?", language="en")
    assert hours.text == read("bookshop_faqs_en.json")[0]["answer"]
    subscription = answer(
        organization_id=books.pk, question="How does the coffee subscription work?", language="en"
    )
    theirs = {str(pk) for pk in Faq.objects.of(books.pk).values_list("pk", flat=True)}
    assert {passage.id for passage in subscription.passages} <= theirs
    assert Conversation.objects.filter(organization=books).count() == 2


def test_the_bot_would_say_the_same_again(demo: None, db: None):
    for organization in read("organizations.json"):
        organization_id = Organization.objects.get(slug=organization["slug"]).pk
        for told in read(organization["conversations"]):
            language = told["language_code"]
            expected = {
                entry["key"]: entry["answer"] for entry in read(organization["faqs"][language])
            }
            for question, reply in itertools.pairwise(told["turns"]):
                if "faq" in reply:
                    found = answer(
                        organization_id=organization_id,
                        question=question["text"],
                        language=language,
                    )
                    assert (question["text"], found.text) == (
                        question["text"],
                        expected[reply["faq"]],
                    )
                elif "escalate" in reply:
                    assert recognise(question["text"]) == Intent.PERSON

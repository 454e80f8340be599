"""What a visitor wrote is shown to whoever may read that conversation, and to nobody else.

Every address of the installation is asked by roles that lack the inbox, or reach less of it.
"""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chat.interactions import BotInteraction, Outcome
from chat.models import Conversation
from chat.services import post_message
from chat.services.conversations import customer_sender
from crm.core.permissions import Grant, Level, Module, Rights
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.models import CustomRole, Membership, Role
from tests.conftest import make_member
from tests.tenancy.addresses import addresses_of_views
from tests.tenancy.visiting import Person
from tests.tenancy.world import Theirs, make_theirs

pytestmark = [pytest.mark.django_db, pytest.mark.long]

# Of the visitor's first message, which the bot could not answer, and of those that followed.
WORDS = ("ship to manila", "qzx-secret-words")
QUESTIONS = reverse("chat:unanswered")


@pytest.fixture
def theirs(stores_clean: None, db: None, settings: Any) -> Theirs:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMIT_DEFAULTS, "off")
    found = make_theirs()
    conversation = found.conversation
    for number, text in enumerate((f"{WORDS[1]} one", f"{WORDS[1]} two")):
        post_message(
            organization_id=conversation.organization_id,
            conversation_id=conversation.pk,
            sender=customer_sender(conversation.customer),
            content={"type": "text", "text": text},
            client_message_id=f"more-{number}",
        )
    # A question that the bot does not know is one for people to answer.
    questions = BotInteraction.objects.collection
    questions.update_many({}, {"$set": {"outcome": Outcome.UNKNOWN.value}})
    return found


def with_rights(theirs: Theirs, base: str, inbox: Grant) -> Membership:
    """Give a member with a role like ``base``, but for the inbox."""
    rights = Rights({**BUILT_IN[base].grants, Module.INBOX: inbox})
    role = CustomRole.objects.create(
        organization=theirs.organization,
        name=f"{base} {inbox.read}",
        base=Role.AGENT,
        grants=rights.stored(),
    )
    member = make_member(theirs.organization, f"Without-{base}", Role.AGENT)
    member.custom_role = role
    member.save(update_fields=["custom_role"])
    return member


def texts_of(client: Client, path: str) -> list[str]:
    """Ask in each way, and give what comes back."""
    body = {"question": "What?", "answer": "That.", "language_code": "en", "text": "x", "seq": 1}
    answers: list[Any] = [
        client.get(path),
        client.get(path, {"q": "manila", "search": "manila"}, headers={"HX-Request": "true"}),
        # Pages read forms, and the API reads JSON.
        client.post(path, json.dumps(body), content_type="application/json")
        if path.startswith("/api/")
        else client.post(path, body),
    ]
    return [
        (b"".join(each.streaming_content) if each.streaming else each.content).decode().lower()
        for each in answers
    ]


# Who may everything else and who may only look: each other role opens fewer addresses.
@pytest.mark.parametrize("base", ["owner", "viewer"])
def test_no_role_without_the_inbox_reads_what_a_visitor_wrote(theirs: Theirs, base: str) -> None:
    member = Person(with_rights(theirs, base, Grant()))
    shown = []
    for address in addresses_of_views(theirs, is_admin=False):
        for text in texts_of(member.client(), address.path):
            shown += [f"{address.name}: {word}" for word in WORDS if word in text]
    assert shown == []


def test_whoever_has_the_inbox_reads_it_where_it_belongs(theirs: Theirs) -> None:
    """The walk above would find the words if they were shown."""
    expected, owner = (
        {"chat:unanswered", "chat:answer_question", "chat:inbox_conversation"},
        Person(theirs.owner),
    )
    shown = set()
    for address in addresses_of_views(theirs, is_admin=False):
        if address.name not in expected:
            continue
        texts = texts_of(owner.client(), address.path)
        if any(word in text for text in texts for word in WORDS):
            shown.add(address.name)
    assert shown == expected


def test_unanswered_questions_follow_the_reach_of_the_inbox(theirs: Theirs) -> None:
    own = with_rights(theirs, "admin", Grant(read=Level.OWN, write=Level.OWN))
    client = Client()
    client.force_login(own.user)
    answering = reverse("chat:answer_question", args=[theirs.question_id])
    assert WORDS[0] not in client.get(QUESTIONS).content.decode().lower()
    assert client.get(answering).status_code == 404
    for verb in ("settle", "unsettle", "same"):
        path = f"{QUESTIONS}{theirs.question_id}/{verb}/"
        assert client.post(path, {"faq": str(theirs.faq.pk)}).status_code == 404
    Conversation.objects.filter(pk=theirs.conversation.pk).update(assignee=own.user)
    assert WORDS[0] in client.get(QUESTIONS).content.decode().lower()
    assert client.get(answering).status_code == 200


def test_the_tab_is_there_for_who_may_open_it(theirs: Theirs) -> None:
    member = with_rights(theirs, "admin", Grant())
    client = Client()
    client.force_login(member.user)
    assert client.get(QUESTIONS).status_code == 403
    assert QUESTIONS not in client.get(reverse("knowledge:list")).content.decode()
    client.force_login(theirs.owner.user)
    assert QUESTIONS in client.get(reverse("knowledge:list")).content.decode()
    assert len(BotInteraction.objects.unanswered(theirs.organization.pk)) == 1

"""The inbox for every level of seeing and changing: services, API, pages and posts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from chat.errors import ConversationNotFound, NotYourMessage, NotYours, ReadOnly, UnknownAssignee
from chat.models import Conversation, Message, Widget
from chat.participants import Agent
from chat.services import (
    assign,
    close,
    delete_message,
    edit_message,
    post_message,
    reopen,
    return_to_bot,
    snooze,
    take_over,
)
from chat.services.conversations import sender_of
from chat.services.editing import may_delete
from crm.core.errors import AppError
from crm.core.permissions import (
    READ,
    WRITE,
    ApiKeyPrincipal,
    Grant,
    Level,
    Module,
    Rights,
    can_access,
    rights_of_scopes,
)
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role
from tests.conftest import make_conversation, make_member
from tests.organizations.people import give, make_team, member_with, pairs, present, rights

JSON: dict[str, Any] = {"data": {}, "content_type": "application/json"}
OWNERS = ("me", "mate", "other", None)
SERVICES: dict[str, Callable[..., object]] = {
    "close": close,
    "return_to_bot": return_to_bot,
    "reopen": reopen,
    "assign": lambda **named: assign(**named, assignee_id=None),
    "take_over": take_over,
}


@pytest.fixture
def talks(
    organization: Organization, widget: Widget, people: dict[str, Membership]
) -> dict[str | None, Conversation]:
    """An open conversation of each, and one of nobody."""
    made = {}
    for name in OWNERS:
        customer = Customer.objects.create(organization=organization, name=f"of {name}")
        conversation = make_conversation(customer, widget, first=f"first-{name}")
        conversation.status = "open"
        conversation.assignee = people[name].user if name else None
        conversation.save(update_fields=["status", "assignee"])
        made[name] = conversation
    return made


def expected(me: Membership, conversation: Conversation) -> type[AppError] | None:
    owner_ids = conversation.owner_ids
    if not can_access(me, Module.INBOX, READ, owner_ids):
        return ConversationNotFound
    if not me.may(Module.INBOX, WRITE):
        return ReadOnly
    return None if can_access(me, Module.INBOX, WRITE, owner_ids) else NotYours


@pytest.mark.parametrize(("read", "write"), pairs(Module.INBOX))
def test_services_api_and_posts_refuse_the_same(
    client: Client,
    people: dict[str, Membership],
    talks: dict[str | None, Conversation],
    read: Level,
    write: Level,
) -> None:
    me = present(give(people["me"], rights(Module.INBOX, read, write)))
    client.force_login(me.user)
    for name, conversation in talks.items():
        refusal = expected(me, conversation)
        named: dict[str, Any] = {
            "organization_id": me.organization_id,
            "conversation_id": conversation.pk,
        }
        posted = f"post-{name}"
        content = {"type": "text", "text": "Hi"}
        before = Message.objects.last(me.organization_id, conversation.pk)
        assert before is not None
        if refusal:
            for service in SERVICES.values():
                with pytest.raises(refusal):
                    service(**named, by=me)
            with pytest.raises(refusal if refusal != ConversationNotFound or write else AppError):
                Agent(me).post(
                    stream=conversation.stream, client_message_id=posted, content=content
                )
            for action in ("close", "take_over", "return_to_bot", "reopen"):
                answer = client.post(reverse(f"chat:{action}", args=[conversation.pk]), **JSON)
                assert answer.status_code in {403, 404}
            after = Message.objects.last(me.organization_id, conversation.pk)
            assert after == before
        else:
            Agent(me).post(stream=conversation.stream, client_message_id=posted, content=content)
            answer = client.post(reverse("chat:close", args=[conversation.pk]), **JSON)
            assert answer.status_code == 200
            assert answer.json()["conversation"]["status"] == "closed"
        is_seen = refusal != ConversationNotFound
        for page in ("chat:conversation", "chat:conversation_messages", "chat:inbox_conversation"):
            status = client.get(reverse(page, args=[conversation.pk])).status_code
            assert (status == 200) is is_seen
            assert status in ({200} if is_seen else {403, 404})


@pytest.mark.parametrize(("read", "write"), pairs(Module.INBOX))
def test_lists_and_counts_hold_what_is_seen(
    client: Client,
    people: dict[str, Membership],
    talks: dict[str | None, Conversation],
    read: Level,
    write: Level,
) -> None:
    me = present(give(people["me"], rights(Module.INBOX, read, write)))
    client.force_login(me.user)
    seen = {
        str(each.pk)
        for each in talks.values()
        if can_access(me, Module.INBOX, READ, each.owner_ids)
    }
    answer = client.get(reverse("chat:inbox_conversations"))
    if read == Level.NONE:
        assert answer.status_code == 403
        assert client.get(reverse("chat:inbox_counts")).status_code == 403
        assert client.get(reverse("chat:inbox"))["Location"] == reverse("organizations:settings")
        return
    assert {row["id"] for row in answer.json()["rows"]} == seen
    counts = client.get(reverse("chat:inbox_counts")).json()["counts"]
    assert counts["all"]["open"] == len(seen)
    assert counts["mine"]["open"] == 1
    assert counts["unassigned"]["open"] == (read >= Level.TEAM)
    found = client.get(reverse("chat:inbox_conversations"), {"search": "of"}).json()
    assert {row["id"] for row in found["rows"]} == seen
    state = client.get(reverse("chat:inbox")).context["state"]
    assert {row["id"] for row in state["page"]["rows"]} == seen
    assert state["me"]["may_answer"] is (write > Level.NONE)


def test_levels_cost_no_more_queries(
    client: Client,
    people: dict[str, Membership],
    talks: dict[str | None, Conversation],
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    client.force_login(people["me"].user)
    asked = []
    for level in (Level.ALL, Level.TEAM, Level.OWN):
        give(people["me"], rights(Module.INBOX, level, level))
        with django_assert_max_num_queries(30) as captured:  # type: ignore[attr-defined]
            client.get(reverse("chat:inbox_conversations"))
        asked.append(len(captured))
    assert len(set(asked)) == 1


def test_conversation_is_given_only_to_who_may_answer(
    client: Client,
    organization: Organization,
    agent: Membership,
    viewer: Membership,
    conversation: Conversation,
) -> None:
    writes = member_with(organization, "Writer", rights(Module.INBOX, Level.OWN, Level.OWN))
    reads = member_with(organization, "Reader", rights(Module.INBOX, Level.ALL))
    named: dict[str, Any] = {"organization_id": organization.pk, "conversation_id": conversation.pk}
    for wrong in (viewer, reads):
        with pytest.raises(UnknownAssignee):
            assign(**named, assignee_id=wrong.user_id, by=agent)
    assert assign(**named, assignee_id=writes.user_id, by=agent).assignee_id == writes.user_id
    client.force_login(agent.user)
    told = client.get(reverse("chat:inbox_agents")).json()["agents"]
    assert {row["name"] for row in told} == {"Writer", "Linh"}


def test_own_conversation_can_be_given_away_and_is_gone_then(
    people: dict[str, Membership], talks: dict[str | None, Conversation]
) -> None:
    me = present(give(people["me"], rights(Module.INBOX, Level.OWN, Level.OWN)))
    named: dict[str, Any] = {
        "organization_id": me.organization_id,
        "conversation_id": talks["me"].pk,
    }
    assign(**named, assignee_id=people["other"].user_id, by=me)
    with pytest.raises(ConversationNotFound):
        assign(**named, assignee_id=me.user_id, by=me)


def test_snooze_is_a_change_too(
    people: dict[str, Membership], talks: dict[str | None, Conversation]
) -> None:
    me = present(give(people["me"], rights(Module.INBOX, Level.TEAM, Level.OWN)))
    with pytest.raises(NotYours):
        snooze(
            organization_id=me.organization_id,
            conversation_id=talks["mate"].pk,
            until=talks["mate"].created_at + timedelta(days=400),
            by=me,
        )


def test_lead_sees_the_team_but_changes_only_their_own(
    people: dict[str, Membership], talks: dict[str | None, Conversation]
) -> None:
    make_team("Led", people["me"], people["other"], lead=people["me"])
    me = present(give(people["me"], rights(Module.INBOX, Level.OWN, Level.OWN)))
    seen = set(Conversation.objects.visible_to(me).values_list("pk", flat=True))
    assert seen == {talks["me"].pk, talks["other"].pk}
    named: dict[str, Any] = {
        "organization_id": me.organization_id,
        "conversation_id": talks["other"].pk,
    }
    with pytest.raises(NotYours):
        close(**named, by=me)


def test_key_changes_by_its_scopes_and_is_nobody_to_assign(
    organization: Organization, conversation: Conversation
) -> None:
    named: dict[str, Any] = {"organization_id": organization.pk, "conversation_id": conversation.pk}
    reads = ApiKeyPrincipal(
        organization.pk, rights_of_scopes(["inbox:read"]), key_id="r", name="Reader"
    )
    with pytest.raises(ReadOnly):
        close(**named, by=reads)
    writes = ApiKeyPrincipal(
        organization.pk, rights_of_scopes(["inbox:write"]), key_id="w", name="Robot"
    )
    with pytest.raises(UnknownAssignee):
        take_over(**named, by=writes)
    close(**named, by=writes)
    end = Message.objects.last(organization.pk, conversation.pk)
    last = Message.objects.numbered(organization.pk, conversation.pk, end.seq)
    assert last is not None
    assert (last.sender.id, last.sender.name) == ("key:w", "Robot")
    elsewhere = ApiKeyPrincipal(UUID(int=0), rights_of_scopes(["inbox:write"]), key_id="w")
    with pytest.raises(ConversationNotFound):
        reopen(**named, by=elsewhere)


@pytest.mark.parametrize(("read", "write"), pairs(Module.INBOX))
def test_messages_are_amended_where_their_conversation_may_be_changed(
    people: dict[str, Membership],
    talks: dict[str | None, Conversation],
    read: Level,
    write: Level,
) -> None:
    me = present(give(people["me"], rights(Module.INBOX, read, write)))
    for name, conversation in talks.items():
        mine = post_message(
            organization_id=me.organization_id,
            conversation_id=conversation.pk,
            sender=sender_of(me),
            content={"type": "text", "text": "Hello"},
            client_message_id=f"mine-{name}",
        )
        named: dict[str, Any] = {
            "conversation_id": conversation.pk,
            "message_id": mine.message_id,
            "by": me,
        }
        words: dict[str, Any] = {"text": "Hi", "client_message_id": f"edit-{name}"}
        if refusal := expected(me, conversation):
            with pytest.raises(refusal if write else ReadOnly):
                edit_message(**named, **words)
            with pytest.raises(refusal if write else ReadOnly):
                delete_message(**named)
            end = Message.objects.last(me.organization_id, conversation.pk)
            assert end.seq == mine.seq
        else:
            assert edit_message(**named, **words).seq == mine.seq + 1
            assert delete_message(**named).seq == mine.seq + 2


@pytest.mark.parametrize(
    ("settings", "deletes"),
    [
        ((Level.NONE, Level.NONE), []),
        ((Level.ALL, Level.NONE), ["agent", "bot"]),
        ((Level.ALL, Level.ALL), ["agent", "bot", "customer"]),
    ],
)
def test_what_others_wrote_is_deleted_by_who_supervises(
    people: dict[str, Membership], settings: tuple[Level, Level], deletes: list[str]
) -> None:
    wanted = {Module.SETTINGS: Grant(*settings), Module.INBOX: Grant(Level.ALL, Level.ALL)}
    assert may_delete(present(give(people["me"], Rights(wanted)))) == deletes
    wanted[Module.INBOX] = Grant(Level.ALL, Level.NONE)
    assert may_delete(present(give(people["me"], Rights(wanted)))) == []


def test_key_amends_what_it_wrote_itself(
    organization: Organization, conversation: Conversation, agent: Membership
) -> None:
    robot = ApiKeyPrincipal(
        organization.pk, rights_of_scopes(["inbox:write"]), key_id="w", name="Robot"
    )
    written = [
        post_message(
            organization_id=organization.pk,
            conversation_id=conversation.pk,
            sender=sender_of(by),
            content={"type": "text", "text": "Hello"},
            client_message_id=f"by-{by.actor_id}".replace(":", "-"),
        )
        for by in (robot, agent)
    ]
    own, other = (message.message_id for message in written)
    entry = delete_message(conversation_id=conversation.pk, message_id=own, by=robot)
    assert (entry.sender.id, entry.sender.name) == ("key:w", "Robot")
    with pytest.raises(NotYourMessage):
        delete_message(conversation_id=conversation.pk, message_id=other, by=robot)


def test_admin_is_told_why_and_others_are_not(
    client: Client, people: dict[str, Membership], talks: dict[str | None, Conversation]
) -> None:
    boss = make_member(people["me"].organization, "Boss", Role.ADMIN)
    give(people["me"], rights(Module.INBOX, Level.TEAM, Level.OWN))
    client.force_login(boss.user)
    page = reverse("chat:conversation_reasons", args=[talks["mate"].pk])
    told = client.get(page, {"person": str(people["me"].pk)})
    assert (told.context["reading"].reason, told.context["writing"].reason) == (
        "team",
        "not_theirs",
    )
    text = told.content.decode()
    assert "Yes: it is assigned to somebody of a team they share (Shared)." in text
    assert "No: the role reaches only what is assigned to this person" in text
    customer = talks["mate"].customer_id
    assert client.get(reverse("customers:access", args=[customer])).status_code == 200
    for wrong in ("nonsense", str(UUID(int=0))):
        assert client.get(page, {"person": wrong}).status_code == 404
    client.force_login(people["mate"].user)
    assert client.get(page).status_code == 403


def test_reasons_of_foreign_records_do_not_exist(
    client: Client, stranger: Membership, conversation: Conversation, agent: Membership
) -> None:
    client.force_login(stranger.user)
    for name, pk in (
        ("chat:conversation_reasons", conversation.pk),
        ("customers:access", conversation.customer_id),
        ("knowledge:access", UUID(int=0)),
    ):
        assert client.get(reverse(name, args=[pk])).status_code == 404
    own = reverse("organizations:team", args=[UUID(int=0)])
    assert client.get(own).status_code == 404

"""Turns of the bot are kept by organization, and the unanswered ones are a list to work off."""

from uuid import UUID

import pytest

from chat.interactions import BotInteraction, Outcome
from crm.core import stores
from crm.core.ids import uuid7
from crm.organizations.models import Organization


@pytest.fixture
def unanswered(organization: Organization) -> Organization:
    BotInteraction.objects.create_indexes()
    for number in range(5):
        record(organization.pk, f"question {number}", Outcome.UNKNOWN)
    record(organization.pk, "known", Outcome.ANSWERED)
    return organization


def record(organization_id: UUID, question: str, outcome: Outcome) -> None:
    conversation_id = uuid7()
    BotInteraction.objects.begin(organization_id, conversation_id, 1, question=question)
    BotInteraction.objects.finish(organization_id, conversation_id, 1, {"outcome": outcome.value})


def test_unanswered_are_paged_newest_first(unanswered: Organization) -> None:
    first = BotInteraction.objects.unanswered(unanswered.pk, limit=3)
    last = first[-1]
    rest = BotInteraction.objects.unanswered(
        unanswered.pk, before=(last.created_at, last.id), limit=3
    )
    assert [one.question for one in [*first, *rest]] == [
        f"question {number}" for number in (4, 3, 2, 1, 0)
    ]


def test_settled_question_leaves_the_list_and_comes_back(unanswered: Organization) -> None:
    one = BotInteraction.objects.unanswered(unanswered.pk)[0]
    assert BotInteraction.objects.resolve(unanswered.pk, one.id, by=uuid7())
    assert len(BotInteraction.objects.unanswered(unanswered.pk)) == 4
    assert BotInteraction.objects.unsettle(unanswered.pk, one.id)
    assert len(BotInteraction.objects.unanswered(unanswered.pk)) == 5


def test_stranger_sees_and_settles_nothing(
    unanswered: Organization, stranger_organization: Organization
) -> None:
    one = BotInteraction.objects.unanswered(unanswered.pk)[0]
    assert BotInteraction.objects.unanswered(stranger_organization.pk) == []
    assert BotInteraction.objects.numbered(stranger_organization.pk, one.id) is None
    assert not BotInteraction.objects.resolve(stranger_organization.pk, one.id, by=uuid7())
    assert len(BotInteraction.objects.unanswered(unanswered.pk)) == 5


@pytest.mark.parametrize("identifier", ["", "x", "0" * 23, "0" * 24])
def test_wrong_id_is_nothing(unanswered: Organization, identifier: str) -> None:
    assert BotInteraction.objects.numbered(unanswered.pk, identifier) is None
    assert not BotInteraction.objects.resolve(unanswered.pk, identifier, by=uuid7())
    assert not BotInteraction.objects.unsettle(unanswered.pk, identifier)


def test_first_end_of_a_turn_stands(organization: Organization) -> None:
    conversation_id = uuid7()
    ids = (organization.pk, conversation_id, 7)
    assert BotInteraction.objects.begin(*ids, question="q") == 1
    assert BotInteraction.objects.begin(*ids, question="other") == 2
    BotInteraction.objects.finish(*ids, {"outcome": "answered", "answer": "a"})
    BotInteraction.objects.finish(*ids, {"outcome": "superseded"})
    found = BotInteraction.objects.of_question(*ids)
    assert found is not None
    assert (found.question, found.outcome, found.answer) == ("q", Outcome.ANSWERED, "a")


def test_indexes_serve_what_is_asked(unanswered: Organization) -> None:
    names = set(stores.mongo_db()["bot_interactions"].index_information())
    assert names == {"_id_", "one_turn_per_question", "unsettled_turns"}

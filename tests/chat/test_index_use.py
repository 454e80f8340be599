"""Lookups in collections that grow for ever read what they give, in every engine.

The engine is asked what it examined, for the very stages that the managers send.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from bson import ObjectId

from chat.interactions import BotInteraction, Outcome
from chat.models import Message
from chat.models.message import mongo_now
from crm.core import stores

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stores_clean")]

OTHERS = 500


def examined(collection: str, first_stage: dict[str, Any]) -> int:
    told = stores.mongo_db().command(
        {"explain": {"find": collection, "filter": first_stage}, "verbosity": "executionStats"}
    )
    return int(told["executionStats"]["totalDocsExamined"])


def first_stage_of(monkeypatch: pytest.MonkeyPatch, manager: Any, call: Any) -> dict[str, Any]:
    """Give the first condition of the pipeline that a call sends, and let it be sent."""
    sent: list[Any] = []
    collection = manager.collection
    aggregate = collection.aggregate

    def listen(stages: list[Any], **options: Any) -> Any:
        sent.append(stages)
        return aggregate(stages, **options)

    with monkeypatch.context() as patched:
        patched.setattr(collection, "aggregate", listen)
        patched.setattr(type(manager), "collection", collection)
        call()
    stage: dict[str, Any] = sent[0][0]["$match"]
    return stage


def ask(organization_id: UUID, number: int, outcome: Outcome, *, settled: bool) -> ObjectId:
    document = {
        "tenant_id": str(organization_id),
        "conversation_id": str(uuid4()),
        "question_seq": 1,
        "question": f"Question {number}?",
        "outcome": outcome.value,
        # Two at the same moment each: their order is that of their ids.
        "created_at": mongo_now().replace(microsecond=0) + timedelta(seconds=number // 2),
    }
    if settled:
        document["settled_at"] = mongo_now()
    return ObjectId(BotInteraction.objects.collection.insert_one(document).inserted_id)


def test_unanswered_questions_are_read_without_the_settled_and_the_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    BotInteraction.objects.create_indexes()
    organization_id = uuid4()
    for number in range(OTHERS):
        ask(organization_id, number, Outcome.UNKNOWN, settled=True)
        ask(organization_id, number, Outcome.ANSWERED, settled=False)
        ask(uuid4(), number, Outcome.UNKNOWN, settled=False)
    wanted = [ask(organization_id, n, Outcome.UNKNOWN, settled=False) for n in range(9)]

    def first_page() -> list[BotInteraction]:
        return BotInteraction.objects.unanswered(organization_id, limit=4)

    pages = [first_page()]
    while len(pages[-1]) == 4:
        last = pages[-1][-1]
        pages.append(
            BotInteraction.objects.unanswered(
                organization_id, before=(last.created_at, last.id), limit=4
            )
        )
    assert [turn.id for page in pages for turn in page] == [str(pk) for pk in reversed(wanted)]

    stage = first_stage_of(monkeypatch, BotInteraction.objects, first_page)
    assert examined("bot_interactions", stage) == len(wanted)
    middle = pages[0][-1]
    behind = first_stage_of(
        monkeypatch,
        BotInteraction.objects,
        lambda: BotInteraction.objects.unanswered(
            organization_id, before=(middle.created_at, middle.id)
        ),
    )
    assert examined("bot_interactions", behind) < len(wanted)


def test_a_settled_question_comes_back_when_it_is_unsettled() -> None:
    organization_id = uuid4()
    pk = str(ask(organization_id, 1, Outcome.UNKNOWN, settled=False))
    assert BotInteraction.objects.resolve(organization_id, pk, by=uuid4())
    assert BotInteraction.objects.unanswered(organization_id) == []
    assert BotInteraction.objects.unsettle(organization_id, pk)
    assert [turn.id for turn in BotInteraction.objects.unanswered(organization_id)] == [pk]


def test_a_message_from_outside_is_found_without_reading_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Message.objects.create_indexes()
    organization_id = uuid4()
    Message.objects.collection.insert_many(
        {
            "tenant_id": str(organization_id),
            "conversation_id": str(uuid4()),
            "seq": 1,
            "channel": "email",
            **({"external_id": f"mail-{number}"} if number % 2 else {}),
        }
        for number in range(OTHERS)
    )
    stage = first_stage_of(
        monkeypatch,
        Message.objects,
        lambda: Message.objects.received_as(organization_id, "email", "mail-none"),
    )
    assert examined("messages", stage) == 0
    assert examined("messages", {**stage, "external_id": "mail-7"}) == 1
    assert Message.objects.received_as(uuid4(), "email", "mail-7") is None
    assert Message.objects.received_as(organization_id, "website", "mail-7") is None

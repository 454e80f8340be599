"""Every turn of the bot, in MongoDB: question, answer and confidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from chat.managers.refusals import mongo_refusals
from chat.models.message import mongo_now
from crm.core import stores

PAGE = 50


class Outcome(StrEnum):
    ANSWERED = "answered"
    SMALL_TALK = "small_talk"
    ASKED_FOR_PERSON = "asked_for_person"
    UNKNOWN = "unknown"
    FAILED = "failed"
    OVER_QUOTA = "over_quota"
    TOO_MANY = "too_many"
    SUPERSEDED = "superseded"
    # Nothing was said: it was handed over before, and the bot is not sure enough to speak again.
    LEFT_TO_PERSON = "left_to_person"


class BotInteractionManager:
    """One document per question; every call is limited to one organization."""

    def __set_name__(self, owner: type["BotInteraction"], name: str) -> None:
        self.model = owner

    @property
    def collection(self) -> Collection[dict[str, Any]]:
        return stores.mongo_db()["bot_interactions"]

    def create_indexes(self) -> list[str]:
        """Create the indexes; idempotent."""
        tenant = ("tenant_id", ASCENDING)
        with mongo_refusals():
            return self.collection.create_indexes(
                [
                    IndexModel(
                        [tenant, ("conversation_id", ASCENDING), ("question_seq", ASCENDING)],
                        name="one_turn_per_question",
                        unique=True,
                    ),
                    # What nobody settled has no such member, which an index holds as null.
                    IndexModel(
                        [
                            tenant,
                            ("outcome", ASCENDING),
                            ("settled_at", ASCENDING),
                            ("created_at", DESCENDING),
                            ("_id", DESCENDING),
                        ],
                        name="unsettled_turns",
                    ),
                ]
            )

    def begin(
        self, organization_id: UUID, conversation_id: UUID, question_seq: int, *, question: str
    ) -> int:
        """Record the start of work on a question. Return the number of attempts, this
        one included.
        """
        key = self._key(organization_id, conversation_id, question_seq)
        change = {
            "$inc": {"attempts": 1},
            "$setOnInsert": {"question": question, "outcome": None, "created_at": mongo_now()},
        }
        with mongo_refusals():
            try:
                self.collection.update_one(key, change, upsert=True)
            except DuplicateKeyError:
                # Another worker made the document between the look and the insert: now it is there.
                self.collection.update_one(key, change)
            turn = self.collection.find_one(key, {"attempts": True})
        return int(turn["attempts"]) if turn else 1

    def finish(
        self,
        organization_id: UUID,
        conversation_id: UUID,
        question_seq: int,
        fields: Mapping[str, Any],
        *,
        replacing: bool = False,
    ) -> None:
        """Record the outcome of a turn; only the first is kept, unless it is ``replacing`` it."""
        is_open: Any = replacing or {"$eq": [{"$ifNull": ["$outcome", None]}, None]}
        # The condition stands in the change: beside the key, it would keep some engines from the
        # key's index. $literal, because an answer may begin with a dollar.
        ended = {"$mergeObjects": ["$$ROOT", {"$literal": dict(fields)}]}
        with mongo_refusals():
            self.collection.update_one(
                self._key(organization_id, conversation_id, question_seq),
                [{"$replaceWith": {"$cond": [is_open, ended, "$$ROOT"]}}],
            )

    def of_question(
        self, organization_id: UUID, conversation_id: UUID, question_seq: int
    ) -> "BotInteraction | None":
        with mongo_refusals():
            found = self.collection.find_one(
                self._key(organization_id, conversation_id, question_seq)
            )
        return self.model.from_document(found) if found else None

    def unanswered(
        self,
        organization_id: UUID,
        *,
        before: tuple[datetime, str] | None = None,
        limit: int = PAGE,
    ) -> list["BotInteraction"]:
        """Return the unanswered and unresolved questions, newest first.

        ``before`` is the (created_at, id) of the last one of the previous page.
        """
        only: dict[str, Any] = {
            "tenant_id": str(organization_id),
            "outcome": Outcome.UNKNOWN.value,
            # Equal to null, not "does not exist": an index is entered for a value alone.
            "settled_at": None,
        }
        stages: list[dict[str, Any]] = [{"$match": only}]
        if before is not None:
            moment, identifier = before
            only["created_at"] = {"$lte": moment}
            # Beside the range and not in its place: a choice enters no index in some engines.
            same = {"created_at": moment, "_id": {"$lt": ObjectId(identifier)}}
            stages.append({"$match": {"$or": [{"created_at": {"$lt": moment}}, same]}})
        stages += [
            {"$sort": {"created_at": DESCENDING, "_id": DESCENDING}},
            {"$limit": min(limit, PAGE + 1)},
        ]
        with mongo_refusals():
            return [self.model.from_document(found) for found in self.collection.aggregate(stages)]

    def numbered(self, organization_id: UUID, identifier: str) -> "BotInteraction | None":
        """Return the turn with this id in this organization, else None."""
        try:
            key = {"_id": ObjectId(identifier), "tenant_id": str(organization_id)}
        except InvalidId:
            return None
        with mongo_refusals():
            found = self.collection.find_one(key)
        return self.model.from_document(found) if found else None

    def delete_answer(
        self, organization_id: UUID, conversation_id: UUID, question_seq: int
    ) -> None:
        """Delete a turn whose question or answer was deleted; idempotent."""
        with mongo_refusals():
            self.collection.delete_one(self._key(organization_id, conversation_id, question_seq))

    def resolve(self, organization_id: UUID, identifier: str, *, by: UUID) -> bool:
        """Mark an unanswered question as resolved. Return whether it exists."""
        try:
            key = {"_id": ObjectId(identifier), "tenant_id": str(organization_id)}
        except InvalidId:
            return False
        with mongo_refusals():
            result = self.collection.update_one(
                key, {"$set": {"settled_at": mongo_now(), "settled_by": str(by)}}
            )
        return result.matched_count == 1

    def unsettle(self, organization_id: UUID, identifier: str) -> bool:
        """Undo `settle`. Return whether the question exists."""
        try:
            key = {"_id": ObjectId(identifier), "tenant_id": str(organization_id)}
        except InvalidId:
            return False
        with mongo_refusals():
            result = self.collection.update_one(
                key, {"$unset": {"settled_at": "", "settled_by": ""}}
            )
        return result.matched_count == 1

    @staticmethod
    def _key(organization_id: UUID, conversation_id: UUID, question_seq: int) -> dict[str, Any]:
        return {
            "tenant_id": str(organization_id),
            "conversation_id": str(conversation_id),
            "question_seq": question_seq,
        }


@dataclass(frozen=True, slots=True)
class BotInteraction:
    """One question and the bot's result; ``outcome`` is None while it is in progress."""

    id: str
    tenant_id: UUID
    conversation_id: UUID
    question_seq: int
    question: str
    outcome: Outcome | None
    created_at: datetime
    answer: str = ""
    sources: Sequence[Mapping[str, Any]] = ()
    confidence: float = 0.0
    language: str = ""
    cached: bool = False
    duration_ms: int = 0
    model: str = ""
    attempts: int = 0
    settled_at: datetime | None = None

    objects: ClassVar[BotInteractionManager] = BotInteractionManager()

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "BotInteraction":
        outcome = document.get("outcome")
        return cls(
            id=str(document["_id"]),
            tenant_id=UUID(document["tenant_id"]),
            conversation_id=UUID(document["conversation_id"]),
            question_seq=document["question_seq"],
            question=document["question"],
            outcome=Outcome(outcome) if outcome else None,
            created_at=document["created_at"],
            answer=document.get("answer", ""),
            sources=document.get("sources", ()),
            confidence=document.get("confidence", 0.0),
            language=document.get("language", ""),
            cached=document.get("cached", False),
            duration_ms=document.get("duration_ms", 0),
            model=document.get("model", ""),
            attempts=document.get("attempts", 0),
            settled_at=document.get("settled_at"),
        )

"""The log of every conversation, in MongoDB."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from chat.managers.refusals import mongo_refusals
from crm.core import stores

if TYPE_CHECKING:
    from chat.models import Message

READ_LIMIT = 300


class AlreadyStored(Exception):
    """The log has an event with this client_message_id or external_id already."""


class NumberTaken(Exception):
    """Another writer used this seq, despite the row lock."""


@dataclass(frozen=True)
class ConversationKey:
    organization_id: UUID
    conversation_id: UUID


@dataclass(frozen=True)
class LastEntry:
    """The last event's totals, which determine the next ones; an empty log ends with seq 0."""

    seq: int = 0
    inbound_total: int = 0


@dataclass(frozen=True)
class LogSummary:
    """The totals of a log; without gaps ``entries`` equals ``last_seq``."""

    last_seq: int = 0
    entries: int = 0


def by_organization(keys: Sequence[ConversationKey]) -> dict[UUID, list[UUID]]:
    """Group conversations by organization, because the index starts with it."""
    grouped: dict[UUID, list[UUID]] = {}
    for key in keys:
        grouped.setdefault(key.organization_id, []).append(key.conversation_id)
    return grouped


class MessageManager:
    """The log of every conversation; every call is limited to one organization."""

    def __set_name__(self, owner: type["Message"], name: str) -> None:
        self.model = owner

    @property
    def collection(self) -> Collection[dict[str, Any]]:
        return stores.mongo_db()["messages"]

    def create_indexes(self) -> list[str]:
        """Create the indexes; idempotent."""
        by_conversation = [("tenant_id", ASCENDING), ("conversation_id", ASCENDING)]
        with mongo_refusals():
            return self.collection.create_indexes(
                [
                    IndexModel([*by_conversation, ("seq", ASCENDING)], name="log", unique=True),
                    IndexModel(
                        [*by_conversation, ("client_message_id", ASCENDING)],
                        name="one_entry_per_client_message",
                        unique=True,
                        partialFilterExpression={"client_message_id": {"$exists": True}},
                    ),
                    IndexModel(
                        [
                            ("tenant_id", ASCENDING),
                            ("channel", ASCENDING),
                            ("external_id", ASCENDING),
                        ],
                        name="one_entry_per_external_message",
                        unique=True,
                        partialFilterExpression={"external_id": {"$exists": True}},
                    ),
                    # Not every engine looks things up in a partial index; in a sparse one they do.
                    IndexModel([("external_id", ASCENDING)], name="by_external_id", sparse=True),
                    IndexModel(
                        [("tenant_id", ASCENDING), ("timestamp", ASCENDING)], name="by_time"
                    ),
                    IndexModel(
                        [("pending", ASCENDING), ("received_at", ASCENDING)],
                        name="side_effects_to_do",
                        partialFilterExpression={"pending": {"$exists": True}},
                    ),
                    IndexModel(
                        [("sender.id", ASCENDING), ("timestamp", DESCENDING)], name="by_sender"
                    ),
                ]
            )

    def insert(self, message: "Message") -> None:
        """Insert an event with majority write concern.

        Raise AlreadyStored or NumberTaken on a duplicate key.
        """
        with mongo_refusals():
            try:
                self.collection.insert_one(message.to_document())
            except DuplicateKeyError as error:
                if self._names_index(error, "log"):
                    raise NumberTaken from error
                raise AlreadyStored from error

    @staticmethod
    def _names_index(error: DuplicateKeyError, name: str) -> bool:
        details = error.details or {}
        keys = set(details.get("keyPattern", ()))
        if keys:
            return "seq" in keys
        return f"index: {name} " in str(details.get("errmsg", ""))

    def last(self, organization_id: UUID, conversation_id: UUID, *, known: int = 0) -> LastEntry:
        """Return the last event's seq and totals, which determine the next seq.

        ``known`` is a lower bound from the conversation row; it keeps the scan short.
        """
        # Some engines read a whole range before they sort and cut it: the range is kept small.
        for least in (known, 0) if known else (0,):
            with mongo_refusals():
                found = self.collection.find_one(
                    {
                        "tenant_id": str(organization_id),
                        "conversation_id": str(conversation_id),
                        "seq": {"$gte": least},
                    },
                    {"_id": 0, "seq": 1, "inbound_total": 1},
                    sort=[("seq", DESCENDING)],
                )
            if found:
                return LastEntry(found["seq"], found.get("inbound_total", 0))
        return LastEntry()

    def numbered(self, organization_id: UUID, conversation_id: UUID, seq: int) -> "Message | None":
        return self._first(
            {
                "tenant_id": str(organization_id),
                "conversation_id": str(conversation_id),
                "seq": seq,
            }
        )

    def posted_as(
        self, organization_id: UUID, conversation_id: UUID, client_message_id: str
    ) -> "Message | None":
        # Two stages: an engine that uses no partial index enters the log's at the conversation, one
        # that does (MongoDB) joins them and goes straight to the entry.
        stages: list[dict[str, Any]] = [
            {
                "$match": {
                    "tenant_id": str(organization_id),
                    "conversation_id": str(conversation_id),
                }
            },
            {"$match": {"client_message_id": client_message_id}},
            {"$limit": 1},
        ]
        with mongo_refusals():
            found = list(self.collection.aggregate(stages))
        return self.model.from_document(found[0]) if found else None

    def received_as(
        self, organization_id: UUID, channel: str, external_id: str
    ) -> "Message | None":
        # Two stages, as above: the first one alone enters an index in every engine, and the rest of
        # the key narrows the few entries of that name.
        stages: list[dict[str, Any]] = [
            {"$match": {"external_id": external_id}},
            {"$match": {"tenant_id": str(organization_id), "channel": channel}},
            {"$limit": 1},
        ]
        with mongo_refusals():
            found = list(self.collection.aggregate(stages))
        return self.model.from_document(found[0]) if found else None

    def after(
        self, organization_id: UUID, conversation_id: UUID, seq: int, *, limit: int = READ_LIMIT
    ) -> list["Message"]:
        """Return at most ``limit`` events after ``seq``, oldest first."""
        limit = min(limit, READ_LIMIT)
        key = {"tenant_id": str(organization_id), "conversation_id": str(conversation_id)}
        # Numbers have no gaps, so that the page is a range; some engines read more than they give.
        found = self._many(
            key | {"seq": {"$gt": seq, "$lte": seq + limit}}, sort=ASCENDING, limit=limit
        )
        # A log that lost entries goes on behind the gap.
        return found or self._many(key | {"seq": {"$gt": seq + limit}}, sort=ASCENDING, limit=limit)

    def before(
        self, organization_id: UUID, conversation_id: UUID, seq: int, *, limit: int = 50
    ) -> list["Message"]:
        """Return at most ``limit`` events before ``seq``, oldest first."""
        limit = min(limit, READ_LIMIT)
        key = {"tenant_id": str(organization_id), "conversation_id": str(conversation_id)}
        first = max(1, seq - limit)
        found = self._many(key | {"seq": {"$gte": first, "$lt": seq}}, sort=DESCENDING, limit=limit)
        if len(found) < seq - first:
            # Behind the log's end, or in a log that lost entries: the page is no range there.
            found = self._many(key | {"seq": {"$lt": seq}}, sort=DESCENDING, limit=limit)
        return found[::-1]

    def pending_since(
        self, moment: datetime, *, limit: int, effect: str | None = None
    ) -> list["Message"]:
        """Return events of every organization whose side effects are pending since before
        ``moment``.

        The oldest come first; ``effect`` selects those with this one.
        """
        pending: dict[str, Any] = {"$exists": True}
        if effect is not None:
            pending["$eq"] = effect
        with mongo_refusals():
            found = (
                self.collection.find({"pending": pending, "received_at": {"$lt": moment}})
                .sort("received_at", ASCENDING)
                # Not every engine takes the small partial index by itself; the log is large.
                .hint("side_effects_to_do")
                .limit(limit)
            )
            return [self.model.from_document(document) for document in found]

    def count_pending(self) -> int:
        """Count the events of every organization with a pending side effect."""
        with mongo_refusals():
            return self.collection.count_documents(
                {"pending": {"$exists": True}}, hint="side_effects_to_do"
            )

    def summaries(self, keys: Sequence[ConversationKey]) -> dict[ConversationKey, LogSummary]:
        """Summarize these logs; empty ones are left out."""
        summaries: dict[ConversationKey, LogSummary] = {}
        for organization_id, conversation_ids in by_organization(keys).items():
            with mongo_refusals():
                found = self.collection.aggregate(
                    [
                        {
                            "$match": {
                                "tenant_id": str(organization_id),
                                "conversation_id": {"$in": [str(pk) for pk in conversation_ids]},
                            }
                        },
                        {
                            "$group": {
                                "_id": "$conversation_id",
                                "last_seq": {"$max": "$seq"},
                                "entries": {"$sum": 1},
                            }
                        },
                    ]
                )
                summaries |= {
                    ConversationKey(organization_id, UUID(row["_id"])): LogSummary(
                        last_seq=row["last_seq"], entries=row["entries"]
                    )
                    for row in found
                }
        return summaries

    def text_bytes(self, organization_id: UUID, conversation_id: UUID) -> int:
        """Sum the UTF-8 bytes of all texts of a conversation; deleted messages have none."""
        key = {"tenant_id": str(organization_id), "conversation_id": str(conversation_id)}
        text = {"$strLenBytes": {"$ifNull": ["$content.text", ""]}}
        with mongo_refusals():
            rows = self.collection.aggregate(
                [{"$match": key}, {"$group": {"_id": None, "bytes": {"$sum": text}}}]
            )
            return sum(int(row["bytes"]) for row in rows)

    def conversations(self, *, batch: int) -> Iterator[list[ConversationKey]]:
        """Return the key of every conversation that has events, in batches."""
        with mongo_refusals():
            found = self.collection.aggregate(
                [{"$group": {"_id": {"t": "$tenant_id", "c": "$conversation_id"}}}],
                batchSize=batch,
            )
            keys: list[ConversationKey] = []
            for row in found:
                keys.append(ConversationKey(UUID(row["_id"]["t"]), UUID(row["_id"]["c"])))
                if len(keys) == batch:
                    yield keys
                    keys = []
            if keys:
                yield keys

    def effect_done(
        self, organization_id: UUID, conversation_id: UUID, seq: int, effect: str
    ) -> None:
        """Remove a pending side effect; the field is removed with the last one. Idempotent."""
        key = {
            "tenant_id": str(organization_id),
            "conversation_id": str(conversation_id),
            "seq": seq,
        }
        rest = {"$setDifference": [{"$ifNull": ["$pending", []]}, [effect]]}
        # One write, also for the last one: a crash must not leave an empty list behind.
        struck = {"$set": {"pending": {"$cond": [{"$eq": [rest, []]}, "$$REMOVE", rest]}}}
        with mongo_refusals():
            self.collection.update_one(key, [struck])

    def mark_read(
        self,
        organization_id: UUID,
        conversation_id: UUID,
        *,
        after: int,
        up_to: int,
        direction: str,
        moment: datetime,
    ) -> None:
        """Set the delivery and read times of the messages in ``(after, up_to]`` of this
        direction.
        """
        key = {"tenant_id": str(organization_id), "conversation_id": str(conversation_id)}
        with mongo_refusals():
            # A member that is in no index would make some engines read every conversation.
            found = self.collection.find(
                key | {"seq": {"$gt": after, "$lte": up_to}}, {"_id": 0, "seq": 1, "direction": 1}
            )
            seqs = [entry["seq"] for entry in found if entry["direction"] == direction]
            self.collection.update_many(
                key | {"seq": {"$in": seqs}},
                {
                    "$set": {
                        "status.delivered": True,
                        "status.read": True,
                        "status.read_at": moment,
                    }
                },
            )

    def _first(
        self,
        key: dict[str, Any],
        sort: Sequence[tuple[str, int]] | None = None,
    ) -> "Message | None":
        with mongo_refusals():
            document = self.collection.find_one(key, sort=sort)
        return self.model.from_document(document) if document else None

    def _many(self, key: dict[str, Any], *, sort: int, limit: int) -> list["Message"]:
        with mongo_refusals():
            found = self.collection.find(key).sort("seq", sort).limit(limit)
            return [self.model.from_document(document) for document in found]

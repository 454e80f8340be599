"""How conversations and their logs are looked up and, for the log, stored."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from config import stores
from config.errors import StoreUnavailable

if TYPE_CHECKING:
    from chat.models import Conversation, Message
    from crm.accounts.models import Membership, User

READ_LIMIT = 300


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, membership: "Membership") -> Self:
        return self.filter(organization_id=membership.organization_id)

    def of_customer(self, *, organization_id: UUID, customer_id: UUID) -> Self:
        return self.filter(organization_id=organization_id, customer_id=customer_id)

    def not_closed(self) -> Self:
        return self.exclude(status="closed")

    def with_status(self, status: str) -> Self:
        return self.filter(status=status)

    def assigned_to(self, user: "User") -> Self:
        return self.filter(assignee=user)

    def unassigned(self) -> Self:
        return self.filter(assignee__isnull=True)

    def newest_first(self) -> Self:
        return self.order_by("-last_message_at", "-id")

    def older_than(self, last_message_at: datetime, pk: UUID) -> Self:
        """Continue a ``newest_first`` list behind this row."""
        # Written as one range plus a tie-break so that the index is entered at the right place.
        return self.filter(last_message_at__lte=last_message_at).exclude(
            last_message_at=last_message_at, id__gte=pk
        )

    def due_to_wake(self, now: datetime) -> Self:
        return self.filter(status="snoozed", snoozed_until__lte=now)


@contextmanager
def mongo_refusals() -> Iterator[None]:
    """Tell an unreachable MongoDB as a refusal that may be retried."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        raise StoreUnavailable from error


class AlreadyStored(Exception):
    """The log holds an entry under this client_message_id or external_id already."""


class NumberTaken(Exception):
    """Another writer took this number, although the row lock should have kept it out."""


class MessageManager:
    """The log of every conversation; each call names the organization it is about."""

    def __set_name__(self, owner: type["Message"], name: str) -> None:
        self.model = owner

    @property
    def collection(self) -> Collection[dict[str, Any]]:
        return stores.mongo_db()["messages"]

    def create_indexes(self) -> list[str]:
        """Make the indexes; harmless when they exist."""
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
        """Store an entry durably on a majority.

        Raises AlreadyStored or NumberTaken when a unique index says so.
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

    def last(self, organization_id: UUID, conversation_id: UUID) -> "Message | None":
        """Give the newest entry, which says the next number."""
        return self._first(
            {"tenant_id": str(organization_id), "conversation_id": str(conversation_id)},
            sort=[("seq", DESCENDING)],
        )

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
        return self._first(
            {
                "tenant_id": str(organization_id),
                "conversation_id": str(conversation_id),
                "client_message_id": client_message_id,
            }
        )

    def received_as(
        self, organization_id: UUID, channel: str, external_id: str
    ) -> "Message | None":
        return self._first(
            {"tenant_id": str(organization_id), "channel": channel, "external_id": external_id}
        )

    def after(
        self, organization_id: UUID, conversation_id: UUID, seq: int, *, limit: int = READ_LIMIT
    ) -> list["Message"]:
        """Give at most ``limit`` entries that follow ``seq``, oldest first."""
        return self._many(
            {
                "tenant_id": str(organization_id),
                "conversation_id": str(conversation_id),
                "seq": {"$gt": seq},
            },
            sort=ASCENDING,
            limit=limit,
        )

    def before(
        self, organization_id: UUID, conversation_id: UUID, seq: int, *, limit: int = 50
    ) -> list["Message"]:
        """Give at most ``limit`` entries that precede ``seq``, oldest first."""
        found = self._many(
            {
                "tenant_id": str(organization_id),
                "conversation_id": str(conversation_id),
                "seq": {"$lt": seq},
            },
            sort=DESCENDING,
            limit=limit,
        )
        return found[::-1]

    def pending_since(self, moment: datetime, *, limit: int) -> list["Message"]:
        """Give entries whose side effects were due before ``moment``, of every organization."""
        with mongo_refusals():
            found = (
                self.collection.find({"pending": {"$exists": True}, "received_at": {"$lt": moment}})
                .sort("received_at", ASCENDING)
                .limit(limit)
            )
            return [self.model.from_document(document) for document in found]

    def effect_done(
        self, organization_id: UUID, conversation_id: UUID, seq: int, effect: str
    ) -> None:
        """Strike a side effect off; the field goes with the last one. Harmless when repeated."""
        key = {
            "tenant_id": str(organization_id),
            "conversation_id": str(conversation_id),
            "seq": seq,
        }
        with mongo_refusals():
            self.collection.update_one(key, {"$pull": {"pending": effect}})
            self.collection.update_one(key | {"pending": []}, {"$unset": {"pending": ""}})

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
        """Note in the entries themselves that they were delivered and read."""
        with mongo_refusals():
            self.collection.update_many(
                {
                    "tenant_id": str(organization_id),
                    "conversation_id": str(conversation_id),
                    "seq": {"$gt": after, "$lte": up_to},
                    "direction": direction,
                },
                {
                    "$set": {
                        "status.delivered": True,
                        "status.read": True,
                        "status.read_at": moment,
                    }
                },
            )

    def _first(
        self, key: dict[str, Any], sort: Sequence[tuple[str, int]] | None = None
    ) -> "Message | None":
        with mongo_refusals():
            document = self.collection.find_one(key, sort=sort)
        return self.model.from_document(document) if document else None

    def _many(self, key: dict[str, Any], *, sort: int, limit: int) -> list["Message"]:
        with mongo_refusals():
            found = self.collection.find(key).sort("seq", sort).limit(min(limit, READ_LIMIT))
            return [self.model.from_document(document) for document in found]


class ConversationDocuments:
    """The ``conversations`` collection: participants and metadata beside each log."""

    @staticmethod
    def collection() -> Collection[dict[str, Any]]:
        return stores.mongo_db()["conversations"]

    @classmethod
    def create_indexes(cls) -> list[str]:
        with mongo_refusals():
            return cls.collection().create_indexes(
                [
                    IndexModel(
                        [("tenant_id", ASCENDING), ("conversation_id", ASCENDING)],
                        name="one_document_per_conversation",
                        unique=True,
                    ),
                    IndexModel([("tenant_id", ASCENDING), ("status", ASCENDING)], name="by_status"),
                    IndexModel([("participants.user_id", ASCENDING)], name="by_participant"),
                    IndexModel([("created_at", DESCENDING)], name="by_age"),
                ]
            )

    @classmethod
    def create(cls, conversation: "Conversation") -> None:
        """Store the document of a new conversation; harmless when it is there."""
        now = conversation.created_at
        with mongo_refusals():
            cls.collection().update_one(
                cls._key(conversation),
                {
                    "$setOnInsert": {
                        "participants": [
                            {
                                "user_id": str(conversation.customer_id),
                                "role": "customer",
                                "joined_at": now,
                            }
                        ],
                        "channel": conversation.channel,
                        "epoch": conversation.epoch,
                        "created_at": now,
                    },
                    "$set": cls._changing(conversation),
                },
                upsert=True,
            )

    @classmethod
    def follow(cls, conversation: "Conversation") -> None:
        """Bring the document up to the head, and note an agent who joined."""
        with mongo_refusals():
            cls.collection().update_one(
                cls._key(conversation), {"$set": cls._changing(conversation)}
            )
            if conversation.assignee_id:
                user_id = str(conversation.assignee_id)
                cls.collection().update_one(
                    cls._key(conversation) | {"participants.user_id": {"$ne": user_id}},
                    {
                        "$push": {
                            "participants": {
                                "user_id": user_id,
                                "role": "agent",
                                "joined_at": conversation.updated_at,
                            }
                        }
                    },
                )

    @staticmethod
    def _key(conversation: "Conversation") -> dict[str, Any]:
        return {
            "tenant_id": str(conversation.organization_id),
            "conversation_id": str(conversation.pk),
        }

    @staticmethod
    def _changing(conversation: "Conversation") -> dict[str, Any]:
        return {
            "status": conversation.status,
            "updated_at": conversation.updated_at,
            "metadata": {
                "customer_id": str(conversation.customer_id),
                "assigned_agent": (
                    str(conversation.assignee_id) if conversation.assignee_id else None
                ),
                "tags": list(conversation.labels),
                "priority": conversation.priority,
            },
        }

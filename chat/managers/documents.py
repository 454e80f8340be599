"""Participants and metadata of conversations, in MongoDB."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import Collection

from chat.managers.messages import ConversationKey, by_organization
from chat.managers.refusals import mongo_refusals
from crm.core import stores

if TYPE_CHECKING:
    from chat.models import Conversation


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
        """Insert the document of a new conversation; idempotent."""
        with mongo_refusals():
            cls.collection().update_one(
                cls._key(conversation),
                {"$setOnInsert": cls._lasting(conversation), "$set": cls._changing(conversation)},
                upsert=True,
            )

    @classmethod
    def new_document(cls, conversation: "Conversation") -> dict[str, Any]:
        """Return the document that `create` stores, for bulk inserts."""
        return cls._key(conversation) | cls._lasting(conversation) | cls._changing(conversation)

    @classmethod
    def follow(cls, conversation: "Conversation") -> None:
        """Update the document from the conversation row, and add an agent who joined.

        Requires the conversation to be locked: the agent is added after a check.
        """
        with mongo_refusals():
            cls.collection().update_one(
                cls._key(conversation), {"$set": cls._changing(conversation)}
            )
            if conversation.assignee_id and not cls._takes_part(conversation):
                cls.collection().update_one(
                    cls._key(conversation),
                    {
                        "$push": {
                            "participants": {
                                "user_id": str(conversation.assignee_id),
                                "role": "agent",
                                "joined_at": conversation.updated_at,
                            }
                        }
                    },
                )

    @classmethod
    def statuses(cls, keys: Sequence[ConversationKey]) -> dict[UUID, str]:
        """Return the status of each document; conversations without a document are left out."""
        statuses: dict[UUID, str] = {}
        for organization_id, conversation_ids in by_organization(keys).items():
            with mongo_refusals():
                found = cls.collection().find(
                    {
                        "tenant_id": str(organization_id),
                        "conversation_id": {"$in": [str(pk) for pk in conversation_ids]},
                    },
                    {"conversation_id": 1, "status": 1},
                )
                statuses |= {UUID(each["conversation_id"]): each["status"] for each in found}
        return statuses

    @classmethod
    def _takes_part(cls, conversation: "Conversation") -> bool:
        found = cls.collection().find_one(cls._key(conversation), {"participants.user_id": 1})
        people = found["participants"] if found else ()
        return any(person["user_id"] == str(conversation.assignee_id) for person in people)

    @staticmethod
    def _key(conversation: "Conversation") -> dict[str, Any]:
        return {
            "tenant_id": str(conversation.organization_id),
            "conversation_id": str(conversation.pk),
        }

    @staticmethod
    def _lasting(conversation: "Conversation") -> dict[str, Any]:
        return {
            "participants": [
                {
                    "user_id": str(conversation.customer_id),
                    "role": "customer",
                    "joined_at": conversation.created_at,
                }
            ],
            "channel": conversation.channel,
            "epoch": conversation.epoch,
            "created_at": conversation.created_at,
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

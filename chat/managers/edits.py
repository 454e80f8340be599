"""Edits and deletions in the log, and their effect on the messages' documents.

Everything here requires the conversation's lock.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pymongo import ASCENDING
from pymongo.collection import Collection

from chat.managers.messages import READ_LIMIT, ConversationKey, by_organization
from chat.managers.refusals import mongo_refusals
from crm.core import stores

if TYPE_CHECKING:
    from chat.models import Message

KINDS = ("message.edited", "message.deleted")


class EditManager:
    """Edits and deletions of messages; every call is limited to one organization."""

    def __set_name__(self, owner: type["Message"], name: str) -> None:
        self.model = owner

    @property
    def collection(self) -> Collection[dict[str, Any]]:
        return stores.mongo_db()["messages"]

    def seq_of(self, organization_id: UUID, conversation_id: UUID, message_id: UUID) -> int | None:
        """Return the seq of an event by its id, searching from the end of the log."""
        wanted = str(message_id)
        before = self.model.objects.last(organization_id, conversation_id).seq + 1
        # By ranges: the id stands in no index, what is amended is most often new, and some engines
        # read a whole range before they cut it.
        while before > 1:
            start = before - READ_LIMIT
            with mongo_refusals():
                for entry in self.collection.find(
                    {
                        "tenant_id": str(organization_id),
                        "conversation_id": str(conversation_id),
                        "seq": {"$gte": start, "$lt": before},
                    },
                    {"_id": 0, "seq": 1, "message_id": 1},
                ):
                    if entry["message_id"] == wanted:
                        return int(entry["seq"])
            before = start
        return None

    def of(self, organization_id: UUID, conversation_id: UUID, seq: int) -> list["Message"]:
        """Return the edits and the deletion of a message, oldest first."""
        # Two stages: the log's index gives what follows, the rest is looked at one by one.
        stages: list[dict[str, Any]] = [
            {
                "$match": {
                    "tenant_id": str(organization_id),
                    "conversation_id": str(conversation_id),
                    "seq": {"$gt": seq},
                }
            },
            {"$match": {"kind": {"$in": list(KINDS)}, "content.target.seq": seq}},
            {"$sort": {"seq": ASCENDING}},
        ]
        with mongo_refusals():
            return [self.model.from_document(each) for each in self.collection.aggregate(stages)]

    def edit(self, entry: "Message") -> None:
        """Set a message's text from an edit, unless a later change was applied."""
        self._amend(
            entry,
            {
                "$set": {
                    "content.text": entry.content.get("text", ""),
                    "edited_at": entry.timestamp,
                    "amended_seq": entry.seq,
                }
            },
        )

    def delete(self, entry: "Message", *, strike: Sequence[str]) -> None:
        """Replace the message by a tombstone and erase its text from earlier edits.

        ``strike`` lists the pending side effects to remove.
        """
        target = entry.target
        if target is None:
            return
        original = self._amend(
            entry,
            {
                "$set": {
                    "content": {"type": target.type},
                    "deleted_at": entry.timestamp,
                    "deleted_by": {
                        "id": entry.sender.id,
                        "type": str(entry.sender.type),
                        "name": entry.sender.name,
                    },
                    "amended_seq": entry.seq,
                },
                "$unset": {"ai_processed": ""},
            },
        )
        edits = [
            each.seq
            for each in self.of(entry.tenant_id, entry.conversation_id, target.seq)
            if each.seq < entry.seq and "text" in each.content
        ]
        with mongo_refusals():
            if edits:
                self.collection.update_many(
                    self._key(entry, {"$in": edits}), {"$unset": {"content.text": ""}}
                )
            for effect in set(strike) & set((original or {}).get("pending", ())):
                self.model.objects.effect_done(
                    entry.tenant_id, entry.conversation_id, target.seq, effect
                )

    def latest(self, keys: Sequence[ConversationKey]) -> dict[ConversationKey, dict[int, int]]:
        """Return, per conversation with edits or deletions, the seq of each message's last one."""
        latest: dict[ConversationKey, dict[int, int]] = {}
        for organization_id, conversation_ids in by_organization(keys).items():
            stages: list[dict[str, Any]] = [
                {
                    "$match": {
                        "tenant_id": str(organization_id),
                        "conversation_id": {"$in": [str(pk) for pk in conversation_ids]},
                    }
                },
                {"$match": {"kind": {"$in": list(KINDS)}}},
                {"$project": {"_id": 0, "conversation_id": 1, "seq": 1, "content.target.seq": 1}},
            ]
            with mongo_refusals():
                for row in self.collection.aggregate(stages):
                    key = ConversationKey(organization_id, UUID(row["conversation_id"]))
                    targets = latest.setdefault(key, {})
                    target = row["content"]["target"]["seq"]
                    targets[target] = max(row["seq"], targets.get(target, 0))
        return latest

    def missing(self, key: ConversationKey, latest: dict[int, int]) -> list[int]:
        """Return the seqs of those messages that do not have their last change applied."""
        with mongo_refusals():
            found = self.collection.find(
                {
                    "tenant_id": str(key.organization_id),
                    "conversation_id": str(key.conversation_id),
                    "seq": {"$in": sorted(latest)},
                },
                {"_id": 0, "seq": 1, "amended_seq": 1},
            )
            done = {each["seq"]: each.get("amended_seq", 0) for each in found}
        return sorted(seq for target, seq in latest.items() if done.get(target, 0) < seq)

    def _amend(self, entry: "Message", change: dict[str, Any]) -> dict[str, Any] | None:
        """Update the message unless this or a later change was applied. Return its
        previous state.
        """
        target = entry.target
        if target is None:
            return None
        with mongo_refusals():
            original = self.collection.find_one(self._key(entry, target.seq))
            if original is not None and original.get("amended_seq", 0) < entry.seq:
                self.collection.update_one(self._key(entry, target.seq), change)
        return original

    @staticmethod
    def _key(entry: "Message", seq: int | dict[str, Any]) -> dict[str, Any]:
        return {
            "tenant_id": str(entry.tenant_id),
            "conversation_id": str(entry.conversation_id),
            "seq": seq,
        }

"""After a run: what was promised, compared entry by entry with what is stored and shown."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient

from tests.chaos.stack import NotReady, last_json

if TYPE_CHECKING:
    from tests.chaos.storm import Storm

Entry = dict[str, Any]
_ANSWERED = ("answered", "small_talk")


def audit(storm: "Storm") -> list[str]:
    """Give every broken promise as a sentence; none is the pass."""
    with MongoClient[Entry](storm.world["mongodb"], tz_aware=True) as mongo:
        database = mongo["nextflow_chat"]
        logs: dict[str, list[Entry]] = defaultdict(list)
        for entry in database["messages"].find().sort("seq"):
            logs[f"conversation:{entry['conversation_id']}"].append(entry)
        turns = {
            (f"conversation:{turn['conversation_id']}", turn["question_seq"]): turn
            for turn in database["bot_interactions"].find()
        }
    return [
        *_stored_once(storm, logs),
        *_shown_once(storm, logs),
        *_answered_once(storm, logs, turns),
        *_reconciled(storm),
    ]


def _stored_once(storm: "Storm", logs: dict[str, list[Entry]]) -> Iterator[str]:
    """The set of ids that clients wrote is the set that is stored, and each is stored once."""
    stored = Counter(
        entry["client_message_id"]
        for log in logs.values()
        for entry in log
        if entry["sender"]["type"] in ("customer", "agent") and entry["kind"] == "message.posted"
    )
    written = {identifier for client in storm.clients for identifier in client.written}
    if len(written) != storm.size.sent:
        yield f"{len(written)} messages were written instead of {storm.size.sent}."
    for identifier in sorted(written - set(stored)):
        yield f"The message {identifier} is lost."
    for identifier in sorted(set(stored) - written):
        yield f"The message {identifier} is stored, but nobody wrote it."
    for identifier, times in stored.items():
        if times != 1:
            yield f"The message {identifier} is stored {times} times."
    by_id = {entry["message_id"]: entry for log in logs.values() for entry in log}
    for client in storm.clients:
        for identifier, ack in client.acks.items():
            entry = by_id.get(ack.message_id)
            if entry is None or (entry["client_message_id"], entry["seq"]) != (identifier, ack.seq):
                yield f"{client.name} was told that {identifier} is stored as {ack}: it is not."


def _shown_once(storm: "Storm", logs: dict[str, list[Entry]]) -> Iterator[str]:
    """Each client shows the whole log of its streams, in order, and its own words as written."""
    for stream, log in logs.items():
        if [entry["seq"] for entry in log] != list(range(1, len(log) + 1)):
            yield f"The log of {stream} has a gap."
    for client in storm.clients:
        for stream, shown in client.logs.items():
            log = logs.get(stream, [])
            if [event["seq"] for event in shown.shown] != [entry["seq"] for entry in log]:
                yield (
                    f"{client.name} shows {[e['seq'] for e in shown.shown][-3:]} as the end of "
                    f"{stream}, which has {len(log)} entries."
                )
                continue
            for event, entry in zip(shown.shown, log, strict=True):
                if event["kind"] == "message.posted" and (
                    event["data"]["message_id"],
                    event["data"]["content"]["text"],
                ) != (entry["message_id"], entry["content"]["text"]):
                    yield f"{client.name} shows another message as {entry['seq']} of {stream}."
        mine = set(client.written)
        order = [
            event["data"]["client_message_id"]
            for shown in client.logs.values()
            for event in shown.shown
            if event["data"].get("client_message_id") in mine
        ]
        by_stream = [
            identifier
            for stream in client.logs
            for identifier in client.written
            if identifier in client.acks and client.acks[identifier].stream == stream
        ]
        if order != by_stream:
            yield f"{client.name} sees its own messages in another order than it wrote them."
    for visitor in storm.visitors:
        if len(visitor.logs) != 1:
            yield f"{visitor.name} has {len(visitor.logs)} conversations instead of one."


def _answered_once(
    storm: "Storm", logs: dict[str, list[Entry]], turns: dict[tuple[str, int], Entry]
) -> Iterator[str]:
    """Each question of the bot's has one answer, or was superseded by the person who took over."""
    answers: dict[str, str] = storm.world["answers"]
    for stream, log in logs.items():
        replies = Counter(
            entry["client_message_id"] for entry in log if entry["sender"]["type"] == "bot"
        )
        by_id = {entry["client_message_id"]: entry for entry in log}
        is_bots = True
        for entry in log:
            if entry["kind"] == "conversation.changed":
                is_bots = entry["content"]["change"]["status"] == "bot"
            if entry["sender"]["type"] != "customer":
                continue
            seq = entry["seq"]
            given = replies.pop(f"bot-reply-to-{seq}", 0)
            turn = turns.get((stream, seq))
            outcome = turn["outcome"] if turn else None
            where = f"Message {seq} of {stream}"
            if not is_bots:
                if given:
                    yield f"{where} was answered by the bot although a person had taken over."
            elif stream in storm.taken_over:
                if (given, outcome == "superseded") not in {(1, False), (0, True)}:
                    yield f"{where} has {given} bot answers and the outcome {outcome}."
            elif (given, outcome) != (1, "answered"):
                yield f"{where} has {given} bot answers and the outcome {outcome}."
            elif (
                by_id[f"bot-reply-to-{seq}"]["content"]["text"] != answers[entry["content"]["text"]]
            ):
                yield f"{where} was answered with something else than what is known."
        for identifier, times in replies.items():
            yield f"{stream} holds {identifier} {times} times, which answers no question."
        if any("pending" in entry for entry in log):
            yield f"{stream} has side effects that were never done."


def _reconciled(storm: "Storm") -> Iterator[str]:
    try:
        found = last_json(storm.stack.run("manage.py", "reconcile", "--json"))
    except NotReady as failure:
        yield f"reconcile: {failure}"
        return
    if found["differences"] or found["conversations"] != storm.size.visitors:
        yield f"reconcile: {found}"

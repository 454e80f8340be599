"""How long it takes to compare all the stores, which must agree."""

import time

from django.db import connection

from benchmarks.measure import Figure
from crm.core import stores
from tests.chaos.stack import Stack, last_json


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    del quick
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, last_seq FROM chat_conversation")
        conversations = {str(pk): last_seq for pk, last_seq in cursor.fetchall()}
    logs = {
        row["_id"]: (row["top"], row["count"])
        for row in stores.mongo_db()["messages"].aggregate(
            [
                {
                    "$group": {
                        "_id": "$conversation_id",
                        "top": {"$max": "$seq"},
                        "count": {"$sum": 1},
                    }
                }
            ]
        )
    }
    floor = time.perf_counter() - began
    assert {pk: (last_seq, last_seq) for pk, last_seq in conversations.items()} == logs
    began = time.perf_counter()
    found = last_json(stack.run("manage.py", "reconcile", "--json"))
    took = time.perf_counter() - began
    assert found["differences"] == 0, found
    return [
        Figure(
            work="reconcile",
            value=took,
            unit="s",
            floor=floor,
            floor_of="s, one bare `$group` over all messages and one SELECT of all conversations",
            how=f"`manage.py reconcile`: {found['conversations']:,} conversations, 0 differences, "
            "the start of the process included",
        )
    ]

"""50 messages of a conversation among all of them, as an agent's browser asks for them."""

import random

from benchmarks.measure import Figure, figure_of, one_by_one
from benchmarks.web import agent_session, main_organization, serving
from chat.models import Conversation
from crm.core import stores
from tests.chaos.stack import Stack

LIMIT = 50


def run(stack: Stack, *, quick: bool) -> list[Figure]:
    rng = random.Random(1)  # noqa: S311  the same conversations at every run
    organization = main_organization()
    conversations = list(
        Conversation.objects.filter(organization=organization, last_seq__gt=LIMIT)
        .order_by("pk")
        .values_list("pk", "last_seq")
    )
    chosen = rng.choices(conversations, k=60 if quick else 400)
    messages = stores.mongo_db()["messages"]
    with serving(stack) as base_url, agent_session(base_url) as agent:
        asked, found = iter(chosen), iter(chosen)

        def over_http() -> None:
            pk, last_seq = next(asked)
            response = agent.get(
                f"/api/v1/conversations/{pk}/messages",
                params={"before": rng.randint(LIMIT + 1, last_seq + 1), "limit": LIMIT},
            )
            assert len(response.json()["events"]) == LIMIT

        def bare() -> None:
            pk, last_seq = next(found)
            documents = list(
                messages.find(
                    {
                        "tenant_id": str(organization.pk),
                        "conversation_id": str(pk),
                        "seq": {"$lt": rng.randint(LIMIT + 1, last_seq + 1)},
                    }
                )
                .sort("seq", -1)
                .limit(LIMIT)
            )
            assert len(documents) == LIMIT

        times = len(chosen) - 5
        floor = one_by_one(bare, times)
        spread = one_by_one(over_http, times)
    return [
        figure_of(
            "50 messages of a conversation",
            spread,
            floor=floor,
            floor_of="the same `find` in bare pymongo",
            budget=50,
            how="`GET /api/v1/conversations/…/messages`, logged in, one after the other, "
            "random conversations and places",
        )
    ]

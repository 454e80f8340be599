"""One run: visitors, agents and the bot talk while the installation is killed under them."""

import asyncio
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pymongo import MongoClient

from tests.chaos.audit import audit
from tests.chaos.client import AgentClient, VisitorClient
from tests.chaos.proxy import Proxy
from tests.chaos.records import Draft, Observed
from tests.chaos.stack import Stack
from tests.chaos.stream_client import StreamClient

_TOLD_EVERY = 15.0
# The share of all messages that may be sent while a fault and the recovery from it last.
_LEAD = 0.06


@dataclass(frozen=True)
class Size:
    """How much is said and how much is broken.

    Half of the visitors ask the bot; an agent answers each message of the others.
    ``faults`` are kinds with the share of sent messages after which each comes.
    """

    visitors: int
    agents: int
    messages: int
    pause: float  # mean seconds between two messages of a visitor
    cut_every: float  # mean seconds between two cut connections
    faults: tuple[tuple[float, str], ...]
    patience: float  # seconds without any progress after which the run is given up

    @property
    def askers(self) -> int:
        return self.visitors // 2

    @property
    def questions_each(self) -> int:
        return self.messages // 2 // self.askers

    @property
    def lines_each(self) -> int:
        """Half of what is left is answered by the other half."""
        return self.messages // 4 // (self.visitors - self.askers)

    @property
    def sent(self) -> int:
        talkers = self.visitors - self.askers
        return self.askers * self.questions_each + 2 * talkers * self.lines_each


SMALL = Size(
    visitors=8,
    agents=2,
    messages=160,
    pause=0.3,
    cut_every=1.0,
    faults=((0.2, "web"), (0.5, "valkey")),
    patience=120,
)
FULL = Size(
    visitors=50,
    agents=5,
    messages=2000,
    pause=1.2,
    cut_every=0.5,
    faults=(
        (0.06, "web"),
        (0.12, "valkey"),
        (0.20, "worker"),
        (0.26, "web"),
        (0.34, "mongodb"),
        (0.42, "web"),
        (0.50, "valkey"),
        (0.58, "web"),
        (0.64, "postgresql"),
        (0.72, "worker"),
        (0.78, "web"),
        (0.86, "valkey"),
    ),
    patience=300,
)


@dataclass
class Report:
    """What happened; ``failures`` is empty when every promise was kept."""

    failures: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> list[str]:
        shown = [f"  {name}: {value}" for name, value in self.figures.items()]
        return [*shown, *(f"  BROKEN: {failure}" for failure in self.failures)]


class Storm:
    def __init__(self, *, size: Size, stack: Stack, world: dict[str, Any], seed: int) -> None:
        self.size = size
        self.stack = stack
        self.world = world
        self.rng = random.Random(seed)  # noqa: S311  repeats a run, guards nothing
        self.observed = Observed()
        self.proxy = Proxy(stack.web_ports, self.rng)
        self.visitors: list[VisitorClient] = []
        self.agents: list[AgentClient] = []
        self.faults: Counter[str] = Counter()
        self.ack_seconds: list[float] = []
        self.taken_over: dict[str, AgentClient] = {}
        self.is_broken_by: str | None = None
        self._wait_at = math.inf

    @property
    def clients(self) -> list[StreamClient]:
        return [*self.visitors, *self.agents]

    @property
    def acked(self) -> int:
        return sum(len(client.acks) for client in self.clients)

    async def run(self) -> Report:
        began = time.monotonic()
        report = Report()
        await self.proxy.start()
        self._make_clients()
        living = [asyncio.create_task(client.run()) for client in self.clients]
        chores = [
            asyncio.create_task(chore)
            for chore in (self._cut(), self._break(), self._tell_progress(began))
        ]
        try:
            async with asyncio.timeout(self.size.patience) as limit:
                chores.append(asyncio.create_task(self._extend(limit)))
                await asyncio.gather(*self._stories())
                await _until(self._all_acked, every=0.1)
                report.figures["messages acknowledged after"] = _seconds(began)
                await chores[1]
                chores[0].cancel()
                while not await asyncio.to_thread(self._all_shown):  # noqa: ASYNC110  others write
                    await asyncio.sleep(0.3)
                report.figures["quiet after"] = _seconds(began)
        except TimeoutError:
            report.failures.append(
                f"Nothing went on for {self.size.patience:.0f} s: {self._missing()}"
            )
        finally:
            for task in (*chores, *living):
                task.cancel()
            results = await asyncio.gather(*chores, *living, return_exceptions=True)
            await self.proxy.stop()
        report.failures += [
            f"The harness itself failed: {result!r}"
            for result in results
            if isinstance(result, Exception)
        ]
        report.failures += self.observed.violations
        report.failures += await asyncio.to_thread(audit, self)
        self._fill(report, began)
        return report

    # Who is there, and what they say.

    def _make_clients(self) -> None:
        common = {"port": self.proxy.port, "observed": self.observed, "seen_every": 2.0}
        self.visitors = [
            VisitorClient(
                name=f"visitor-{number}",
                site_key=self.world["site_key"],
                rng=random.Random(self.rng.random()),  # noqa: S311  repeats a run
                longest_pause=5.0,
                **common,
            )
            for number in range(self.size.visitors)
        ]
        self.agents = [
            AgentClient(
                name=f"agent-{number}",
                email=email,
                password=self.world["password"],
                rng=random.Random(self.rng.random()),  # noqa: S311  repeats a run
                longest_pause=5.0,
                **common,
            )
            for number, email in enumerate(self.world["emails"])
        ]
        for client in self.clients:
            client.on_ack = self._note_ack
        for agent in self.agents:
            self._let_reply(agent)

    def _note_ack(self, draft: Draft, _ack: object) -> None:
        self.ack_seconds.append(time.monotonic() - draft.written_at)

    def _let_reply(self, agent: AgentClient) -> None:
        def reply(stream: str, event: dict[str, Any]) -> None:
            if event["kind"] == "message.posted" and event["data"]["sender"]["type"] == "customer":
                agent.write(
                    f"Reply to {event['data']['content']['text']}",
                    stream=stream,
                    client_message_id=f"re-{stream.partition(':')[2][-12:]}-{event['seq']}",
                )

        agent.on_shown = reply

    def _stories(self) -> list[Awaitable[None]]:
        askers, talkers = (
            self.visitors[: self.size.askers],
            self.visitors[self.size.askers :],
        )
        stories = [self._ask(visitor) for visitor in askers]
        stories += [
            self._talk(visitor, self.agents[number % len(self.agents)])
            for number, visitor in enumerate(talkers)
        ]
        return list(stories)

    async def _ask(self, visitor: VisitorClient) -> None:
        questions = list(self.world["answers"])
        for _ in range(self.size.questions_each):
            visitor.write(self.rng.choice(questions), stream=None)
            await self._pause()

    async def _talk(self, visitor: VisitorClient, agent: AgentClient) -> None:
        visitor.write(self._line(visitor, 0), stream=None)
        await _until(lambda: bool(visitor.stream and visitor.acks), every=0.05)
        assert visitor.stream is not None
        # An agent takes over, and answers from then on whatever is shown to them.
        conversation = await agent.act(visitor.stream.partition(":")[2], "take-over")
        self.taken_over[visitor.stream] = agent
        await agent.follow(visitor.stream, conversation["epoch"])
        for number in range(1, self.size.lines_each):
            visitor.write(self._line(visitor, number), stream=None)
            await self._pause()

    def _line(self, visitor: VisitorClient, number: int) -> str:
        return f"{visitor.name} says line {number}, Привет, xin chào \N{WAVING HAND SIGN}"

    async def _pause(self) -> None:
        await asyncio.sleep(self.rng.expovariate(1 / self.size.pause))
        # Every fault comes while messages flow: nobody hurries past one that is late.
        await _until(lambda: self.acked < self._wait_at * self.size.sent, every=0.1)

    # What breaks.

    async def _cut(self) -> None:
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / self.size.cut_every))
            acked = self.acked
            self.proxy.cut_one()
            # On a busy machine connections would be cut faster than they are made.
            await _until(partial(self._has_more_than, acked), every=0.05)

    async def _break(self) -> None:
        for share, kind in self.size.faults:
            self._wait_at = share + _LEAD
            await _until(partial(self._has_acked, share), every=0.05)
            self.is_broken_by = kind
            await self._fault(kind)
            self.is_broken_by = None
            self.faults[kind] += 1
        self._wait_at = math.inf

    def _has_more_than(self, acked: int) -> bool:
        return self.acked > acked

    async def _extend(self, limit: asyncio.Timeout) -> None:
        """Begin the patience anew whenever anything went on, however slow the machine is."""
        before = self._progress()
        while True:
            await asyncio.sleep(0.5)
            if (now := self._progress()) != before:
                before = now
                limit.reschedule(asyncio.get_running_loop().time() + self.size.patience)

    def _progress(self) -> tuple[int, int, int]:
        shown = sum(log.seq for client in self.clients for log in client.logs.values())
        return self.acked, shown, self.faults.total()

    def _has_acked(self, share: float) -> bool:
        return self.acked >= share * self.size.sent

    async def _fault(self, kind: str) -> None:
        if kind == "web":
            self.rng.choice([part for part in self.stack.web if part.is_running]).kill()
        elif kind == "worker":
            self.stack.worker.kill()
        else:
            self.stack.kill_engine(kind)
            await self.stack.start_engines()

    async def _tell_progress(self, began: float) -> None:
        while True:
            await asyncio.sleep(_TOLD_EVERY)
            sys.stdout.write(f"{_seconds(began)}: {self._missing()}\n")
            sys.stdout.flush()

    # When it is over.

    def _all_acked(self) -> bool:
        return self.acked >= self.size.sent and not any(client.outbox for client in self.clients)

    def _all_shown(self) -> bool:
        with MongoClient[dict[str, Any]](self.world["mongodb"]) as mongo:
            messages = mongo["nextflow_chat"]["messages"]
            if messages.find_one({"pending": {"$exists": True}}):
                return False
            last_seqs = {
                f"conversation:{row['_id']}": row["top"]
                for row in messages.aggregate(
                    [{"$group": {"_id": "$conversation_id", "top": {"$max": "$seq"}}}]
                )
            }
        return all(client.is_online and client.is_shown_up_to(last_seqs) for client in self.clients)

    def _missing(self) -> str:
        waiting = {client.name: len(client.outbox) for client in self.clients if client.outbox}
        offline = [client.name for client in self.clients if not client.is_online]
        return (
            f"{self.acked} of {self.size.sent} messages were acknowledged; still in outboxes: "
            f"{waiting or 'none'}; not connected: {offline or 'none'}; "
            f"faults done: {dict(self.faults)}, at work: {self.is_broken_by}"
        )

    def _fill(self, report: Report, began: float) -> None:
        seen = self.observed
        report.figures |= {
            "duration": _seconds(began),
            "visitors and agents": f"{len(self.visitors)} and {len(self.agents)}",
            "messages sent and acknowledged": self.acked,
            "kills and restarts": dict(self.faults),
            "connections cut": self.proxy.cuts,
            "sends again": seen.resends,
            "events received again and dropped": seen.duplicates,
            "pulls": seen.pulls,
            "snapshots": seen.snapshots,
            "recoveries": len(seen.recoveries),
            "recovery p50, p95, longest": _spread(seen.recoveries),
            "written to acknowledged p50, p95, longest": _spread(self.ack_seconds),
            "close codes": dict(sorted(seen.closes.items())),
            "refusals": dict(seen.refusals),
            "HTTP errors": dict(seen.http_errors),
        }


async def _until(condition: Callable[[], bool], *, every: float) -> None:
    while not condition():  # noqa: ASYNC110  it is about what many tasks did together
        await asyncio.sleep(every)


def _seconds(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


def _spread(values: list[float]) -> str:
    if not values:
        return "none"
    ordered = sorted(values)
    p50, p95 = (ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.95))
    return f"{p50:.2f} s, {p95:.2f} s, {ordered[-1]:.2f} s"

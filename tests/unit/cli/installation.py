"""An installation in memory, and what a command answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from dispatcher import connecting
from dispatcher.adapters.mail.dressing import kinds
from dispatcher.adapters.mail.sender_rules import check
from dispatcher.adapters.store.memory import MemoryLedger
from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.adapters.store.memory_looks import MemoryLookStore
from dispatcher.adapters.store.memory_policies import MemoryPolicyStore
from dispatcher.adapters.store.memory_senders import MemorySenderStore
from dispatcher.adapters.store.memory_suppressions import MemorySuppressionStore
from dispatcher.adapters.store.memory_tokens import MemoryTokenStore
from dispatcher.adapters.store.memory_workforce import MemoryWorkforce
from dispatcher.cli.session import OpenStore
from dispatcher.connections import Connections
from dispatcher.delivery import Dead, DeadReason, Outcome, Report
from dispatcher.errors import StoreUnavailable
from dispatcher.events import Event
from dispatcher.looks import Looks
from dispatcher.policies import Policies
from dispatcher.ports import Claim, Parcel
from dispatcher.senders import Senders
from dispatcher.suppressions import Suppressions
from dispatcher.tokens import Tokens
from dispatcher.triggers import discover
from tests.builders import NOON, StandingClock, an_event

_T = TypeVar("_T")

SECRET = b"0123456789abcdef"


class MemoryQueue:
    """A queue that remembers, and takes no more than so many events."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.room = 1_000_000

    async def publish(self, parcels: Sequence[Parcel]) -> None:
        if len(self.parcels) + len(parcels) > self.room:
            raise StoreUnavailable("the broker does not take messages")
        self.parcels += parcels


@dataclass(frozen=True, slots=True)
class MemoryStore:
    ledger: MemoryLedger
    policies: Policies
    senders: Senders
    looks: Looks
    suppressions: Suppressions
    tokens: Tokens
    connections: Connections
    workforce: MemoryWorkforce


@dataclass(frozen=True, slots=True)
class Garbage:
    """A message in quarantine."""

    id: str
    put_aside_at: datetime = NOON
    reason: str = "not_json"
    queue: str = "notifications"
    raw: bytes = b"garbage"
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class MemoryQuarantine:
    """A quarantine that remembers what went back to its queue."""

    kept: dict[str, Garbage] = field(default_factory=dict)
    requeued: list[Garbage] = field(default_factory=list)
    uncounted: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kept)

    def list(self, *, offset: int = 0, limit: int = 100) -> Iterator[Garbage]:
        newest = sorted(self.kept.values(), key=lambda one: one.put_aside_at, reverse=True)
        yield from newest[offset : offset + limit]

    def unlisted(self) -> Mapping[str, int]:
        return self.uncounted

    def show(self, item: str) -> Garbage | None:
        return self.kept.get(item)

    def drop(self, item: str) -> bool:
        return self.kept.pop(item, None) is not None

    def requeue(self, item: str) -> bool:
        found = self.show(item)
        if found is None or not found.is_whole:
            return False
        self.requeued.append(found)
        return self.drop(item)


@dataclass
class MemorySession:
    """The session of the commands under test; ``away`` is what a store that is away raises."""

    clock: StandingClock = field(default_factory=StandingClock)
    away: StoreUnavailable | None = None
    waiting: Mapping[str, int] = field(default_factory=dict)
    events: MemoryQueue = field(default_factory=MemoryQueue)
    aside: MemoryQuarantine = field(default_factory=MemoryQuarantine)
    broker_away: StoreUnavailable | None = None

    def __post_init__(self) -> None:
        policies = Policies(MemoryPolicyStore(self.clock))
        senders = Senders(MemorySenderStore(self.clock), check)
        suppressions = Suppressions(
            MemorySuppressionStore(self.clock), self.clock, SECRET, age=86_400.0
        )
        tokens = Tokens(MemoryTokenStore(), self.clock)
        connections = Connections(
            MemoryConnectionStore(), self.clock, connecting.mistakes, connecting.new_secret
        )
        looks = Looks(MemoryLookStore(self.clock), kinds(discover()), {"de", "en"})
        ledger = MemoryLedger(self.clock)
        self.store = MemoryStore(
            ledger,
            policies,
            senders,
            looks,
            suppressions,
            tokens,
            connections,
            MemoryWorkforce(self.clock, ledger),
        )

    def now(self) -> datetime:
        return self.clock.now()

    def with_store(self, work: Callable[[OpenStore], Awaitable[_T]]) -> _T:
        if self.away:
            raise self.away

        async def opened() -> _T:
            return await work(self.store)

        return asyncio.run(opened())

    def queue(self) -> MemoryQueue:
        return self.events

    def backlog(self) -> Mapping[str, int]:
        return self.waiting

    @contextmanager
    def quarantine(self) -> Iterator[MemoryQuarantine]:
        if self.broker_away:
            raise self.broker_away
        yield self.aside

    def puts_aside(self, *garbage: Garbage) -> None:
        """Put messages in quarantine."""
        self.aside.kept.update({one.id: one for one in garbage})

    def has(self, outcome: Outcome, event: Event | None = None, **report: Any) -> None:
        """Let a delivery reach an outcome."""
        accepted = event or an_event()

        async def walk() -> None:
            ledger = self.store.ledger
            claim = await ledger.claim(accepted, receipt=f"message-{accepted.id}")
            assert isinstance(claim, Claim)
            assert await ledger.record(claim, Report(outcome, "password_change", **report))

        asyncio.run(walk())

    def has_dead(
        self, event_id: str, *, org: str = "acme", reason: DeadReason = DeadReason.RENDER_ERROR
    ) -> None:
        self.has(Dead(reason, "what was wrong"), an_event(event_id, org=org))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]

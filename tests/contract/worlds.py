"""The worlds a contract is tried in: memory and a real Valkey; time passes as told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from redis.asyncio import Redis

from dispatcher.adapters.store import (
    MemoryLedger,
    MemoryPolicyStore,
    ValkeyLedger,
    ValkeyPolicyStore,
    connect,
)
from dispatcher.adapters.store.memory_correspondence import MemoryCorrespondence
from dispatcher.adapters.store.memory_looks import MemoryLookStore
from dispatcher.adapters.store.memory_senders import MemorySenderStore
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.valkey_correspondence import ValkeyCorrespondence
from dispatcher.adapters.store.valkey_looks import ValkeyLookStore
from dispatcher.adapters.store.valkey_senders import ValkeySenderStore
from dispatcher.adapters.store.vault import Vault, new_key, parse_keys
from dispatcher.look import LookStore
from dispatcher.ports import (
    Correspondence,
    DeadLetters,
    DeliveryLog,
    Ledger,
    PolicyStore,
    SenderStore,
)
from tests.builders import StandingClock

LEASE, PUBLISHING, HORIZON = 15.0, 15.0, 600.0


class FullLedger(Ledger, DeliveryLog, DeadLetters, Protocol):
    """A ledger with its log and its dead letters."""


@dataclass
class World:
    """One store, and power over its time."""

    ledger: FullLedger
    policies: PolicyStore
    senders: SenderStore
    correspondence: Correspondence
    looks: LookStore
    pass_time: Callable[[float], Awaitable[None]]


Story = Callable[[World], Awaitable[None]]


@dataclass
class MemoryWorld:
    clock: StandingClock = field(default_factory=StandingClock)

    def play(self, story: Story) -> None:
        async def pass_time(seconds: float) -> None:
            self.clock.advance(seconds)

        ledger = MemoryLedger(self.clock, lease=LEASE, requeue_horizon=HORIZON)
        correspondence = MemoryCorrespondence()
        world = World(
            ledger,
            MemoryPolicyStore(self.clock),
            MemorySenderStore(self.clock, correspondence.senders),
            correspondence,
            MemoryLookStore(self.clock, correspondence.looks),
            pass_time,
        )
        asyncio.run(_as_coroutine(story, world))


@dataclass
class ValkeyWorld:
    url: str

    def play(self, story: Story) -> None:
        asyncio.run(self._play(story))

    async def _play(self, story: Story) -> None:
        async with connect(self.url) as client:
            await client.flushall()
            ledger = ValkeyLedger(client, lease=LEASE, requeue_horizon=HORIZON)
            try:
                readings, vault = Readings(client), Vault(parse_keys(new_key()))
                world = World(
                    ledger,
                    ValkeyPolicyStore(client, readings=readings),
                    ValkeySenderStore(client, vault),
                    ValkeyCorrespondence(readings, vault.unseal),
                    ValkeyLookStore(client),
                    lambda s: let_pass(client, s),
                )
                await story(world)
            finally:
                await ledger.close()


async def let_pass(client: Redis, seconds: float) -> None:
    """Bring everything that is to happen nearer, as if so much time had passed."""
    names = await client.zrange("nd:due", 0, -1)
    for name in names:
        assert isinstance(name, bytes)
        await client.zincrby("nd:due", -1000 * seconds, name)
    for key in await client.keys("nd:w:*"):
        window = await client.get(key)
        assert isinstance(window, bytes)
        ends = int.from_bytes(window[:6]) - round(1000 * seconds)
        await client.set(key, ends.to_bytes(6) + window[6:], keepttl=True)


async def _as_coroutine(story: Story, world: World) -> None:
    await story(world)

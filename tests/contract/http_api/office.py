"""The API over HTTP with everything in memory: events, the log, dead letters."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import wraps
from itertools import count
from typing import Any

import httpx

from dispatcher.adapters.store.memory_formers import MemoryFormerAddressStore
from dispatcher.connections import Connections
from dispatcher.delivery import Outcome, Report
from dispatcher.formers import Formers
from dispatcher.ingest import Ingest
from dispatcher.policy import Manner
from dispatcher.ports import Claim, Parcel
from dispatcher.reception import Reception
from dispatcher.sources.hook import NoKeys
from dispatcher.sources.rules import mistakes
from dispatcher.web.app import Desks
from dispatcher.web.delivery_routes import DeliveryDesk, delivery_router
from dispatcher.web.event_routes import BODIES, EventDesk, event_router
from dispatcher.web.hook_routes import HOOK_BODIES, HookDesk, hook_router
from dispatcher.web.intake import Bounds
from dispatcher.web.letter_routes import LetterDesk, letter_router
from dispatcher.web.signatures import Signatures
from dispatcher.web.tally import NATIVE, Tally
from tests.builders import Witness, an_event
from tests.contract.policy_api.clients import served
from tests.contract.policy_api.installation import Installation

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


class MemoryQueue:
    """A queue that remembers."""

    def __init__(self) -> None:
        self.receipts: list[str] = []

    async def publish(self, parcels: Sequence[Parcel]) -> None:
        self.receipts += [parcel.receipt for parcel in parcels]


@dataclass
class Office:
    """The API, and what is behind it."""

    http: httpx.AsyncClient
    installation: Installation
    ingest: Ingest
    queue: MemoryQueue
    witness: Witness

    async def get(self, path: str, *, by: str, **asked: Any) -> httpx.Response:
        return await self.http.get(path, headers=bearer(by), params=asked)

    async def post(self, path: str, body: Any = None, *, by: str, **asked: Any) -> httpx.Response:
        return await self.http.post(path, json=body, headers=bearer(by), params=asked)

    async def ended(self, event_id: str, outcome: Outcome, *, org: str = "acme") -> None:
        """Let an event have come and ended so."""
        ledger = self.installation.ledger
        claim = await ledger.claim(an_event(event_id, org=org), receipt=f"{org} {event_id}")
        assert isinstance(claim, Claim)
        assert await ledger.record(claim, Report(outcome, "password_change"))


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name}"}


def an_ingest(installation: Installation, queue: MemoryQueue) -> Ingest:
    receipts = count(1)
    return Ingest(installation.ledger, queue, Witness(), new_receipt=lambda: f"r-{next(receipts)}")


def a_reception(installation: Installation, ingest: Ingest, witness: Witness) -> Reception:
    clock = installation.clock
    connections = Connections(installation.connections, clock, mistakes, lambda _: None)
    formers = Formers(MemoryFormerAddressStore(clock), 604_800)
    return Reception(connections, ingest, lambda _: NoKeys(), formers, witness, clock)


def all_desks(installation: Installation, ingest: Ingest, witness: Witness) -> Desks:
    """Return what the whole API works with."""
    desks, ledger, clock = installation.desks(), installation.ledger, installation.clock
    signatures = Signatures.parse(f"acme={OTHER_SECRET}, acme={SECRET}")
    routers = (
        event_router(EventDesk(ingest, desks.gate, signatures, Tally(witness, NATIVE))),
        hook_router(HookDesk(a_reception(installation, ingest, witness), desks.gate.limits)),
        delivery_router(DeliveryDesk(ledger, desks.gate, clock)),
        letter_router(LetterDesk(ledger, ledger, desks.gate, clock)),
    )
    return replace(desks, routers=routers, bounds=Bounds(bodies=BODIES | HOOK_BODIES))


@asynccontextmanager
async def an_office() -> AsyncIterator[Office]:
    """Open one."""
    installation, queue = Installation(Manner.SETTING), MemoryQueue()
    ingest = an_ingest(installation, queue)
    witness = Witness()
    desks = all_desks(installation, ingest, witness)
    async with served(desks) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        yield Office(http, installation, ingest, queue, witness)


def in_an_office(story: Callable[[Office], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a test of a story that plays in an office."""

    @wraps(story)
    def test() -> None:
        async def play() -> None:
            async with an_office() as office:
                await story(office)

        asyncio.run(play())

    del test.__wrapped__  # pytest would take the office for a fixture
    return test

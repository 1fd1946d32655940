"""A scenario: a whole system of real processes, a load, a fault, and the audit afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Final, TypeVar

from pydantic import SecretStr
from redis.exceptions import RedisError

from dispatcher.bootstrap import Store, open_store
from dispatcher.delivery import Delivery, DeliveryFilter, State, Totals
from dispatcher.errors import StoreUnavailable
from dispatcher.policies import Policies
from dispatcher.settings import Settings
from tests.acceptance.system import wait_until
from tests.faults.audit import Bounds, Findings, Row, audit, uncertain
from tests.faults.load import QUEUE, Load, Publisher
from tests.faults.workers import ROOT, Worker
from tests.integration.broker.processes import Broker
from tests.smtp_server import Received, ScriptedRelay

_T = TypeVar("_T")

CONCURRENCY: Final = 32
CONNECTIONS: Final = 8
_ALL: Final = 1_000_000


class Scenario:
    """Starts the parts, publishes, and compares in the end.

    Args:
        broker: A running Valkey: broker and store.
        relay: Where mails go.
        seed: Decides about everything random.
        stack: Closes what was started.
    """

    def __init__(self, broker: Broker, relay: ScriptedRelay, seed: int, stack: ExitStack) -> None:
        self.broker, self.relay, self.seed = broker, relay, seed
        self.random, self.load = Random(seed), Load(seed)
        self.accepted: dict[str, dict[str, Any]] = {}
        self.workers: list[Worker] = []
        self.relays = [relay]
        self._stack = stack
        self._settings = {
            "broker_url": f"redis+socket://{broker.socket}?virtual_host=0",
            "smtp_url": f"smtp://127.0.0.1:{relay.port}?tls=none",
            "mail_from": "Acme Security <no-reply@acme.example>",
            "secret_key": "only for this test's eyes",
            "concurrency": str(CONCURRENCY),
            "smtp_connections": str(CONNECTIONS),
            "log_format": "json",
        }
        self.set_policy("on", wanted=True)
        self.set_policy("off", wanted=False)

    # -- parts

    @property
    def settings(self) -> Mapping[str, str]:
        """What every process is told."""
        return self._settings

    def start(
        self,
        arguments: str = "",
        *,
        app: str = "dispatcher",
        variables: Mapping[str, str] | None = None,
        root: Path = ROOT,
        **settings: str,
    ) -> Worker:
        """Start a worker, without waiting for it."""
        worker = Worker(
            self.broker.folder,
            self._settings | settings,
            app=app,
            arguments=arguments,
            variables=variables,
            root=root,
        )
        self._stack.callback(worker.close)
        self.workers.append(worker)
        return worker

    def start_all(self, count: int) -> list[Worker]:
        """Start several workers, and wait until they consume."""
        return [worker.ready() for worker in [self.start() for _ in range(count)]]

    # -- the load

    def publish(self, events: Iterable[dict[str, Any]] | int) -> None:
        """Publish events, and take note of them once the broker has them."""
        self.publishing(events, within=30.0).done()

    def publishing(
        self,
        events: Iterable[dict[str, Any]] | int,
        *,
        rate: float = 0.0,
        within: float = 120.0,
    ) -> Publisher:
        """Publish beside what follows."""
        made = self.load.events(events) if isinstance(events, int) else list(events)
        publisher = Publisher(
            self.broker.client, self.load, made, self.accepted, rate=rate, within=within
        )
        publisher.start()
        return publisher

    def set_policy(self, org_id: str, *, wanted: bool) -> None:
        async def put(policies: Policies) -> None:
            await policies.store.put(org_id, {"passwordChange": wanted})

        self.look(lambda store: put(store.policies))

    # -- looking

    def look(self, work: Callable[[Store], Awaitable[_T]]) -> _T:
        """Return what the store says."""

        async def looked() -> _T:
            settings = Settings(secret_key=SecretStr("only for this test's eyes"))
            async with open_store(settings, f"unix://{self.broker.socket}") as store:
                return await work(store)

        return asyncio.run(looked())

    def totals(self) -> Totals:
        return self.look(lambda store: store.ledger.totals())

    def deliveries(self, state: State | None = None) -> list[Delivery]:
        wanted = DeliveryFilter(state=state)
        return list(self.look(lambda store: store.ledger.deliveries(wanted, limit=_ALL)))

    def mails(self) -> list[Received]:
        """Return what all relays took."""
        return [mail for relay in self.relays for mail in relay.messages]

    def relay_has(self, count: int, *, within: float = 30.0) -> None:
        """Wait until the relay took as many messages."""
        wait_until(lambda: self.relay.accepted >= count, f"{count} at the relay", within=within)

    @property
    def broker_lives(self) -> bool:
        try:
            return bool(self.broker.client.ping())
        except RedisError:
            return False

    def is_quiet(self) -> bool:
        """Tell whether nothing is on its way any more."""
        try:
            totals = self.totals()
            left = self.broker.queued(QUEUE) + self.broker.held()
        except (StoreUnavailable, RedisError):
            return False
        return not totals.open and not left and totals.accepted >= len(self.accepted)

    def end(self) -> None:
        """Stop the workers in order: what they still have to say, they say."""
        for worker in self.workers:
            if worker.alive:
                worker.stop()

    # -- the verdict

    def settle(
        self, fault: str, title: str, bounds: Bounds, since: float | None = None, /, **notes: str
    ) -> Row:
        """Wait until it is quiet again, compare, and fail on what the row forbids.

        Recovery is measured from *since* on, or from the call.
        """
        over = monotonic() if since is None else since
        wait_until(self.is_quiet, f"quiet again: {self._unsettled}", within=bounds.recovery + 60)
        recovery = monotonic() - over
        totals, mails = self.totals(), self.mails()
        found = audit(self.accepted, mails, self.deliveries())
        row = Row(
            fault=fault,
            title=title,
            accepted=len(self.accepted),
            sent=found.count(State.SENT),
            skipped=found.count(State.SKIPPED),
            dead=found.count(State.DEAD),
            lost=len(found.lost),
            duplicates=found.copies,
            bound=bounds.duplicates,
            uncertain=uncertain(totals),
            recovery=recovery,
            within=bounds.recovery,
            seed=self.seed,
            notes=notes,
        )
        print(row)
        self._check(row, found, totals, bounds)
        return row

    def _check(self, row: Row, found: Findings, totals: Totals, bounds: Bounds) -> None:
        assert row.lost == 0, found.lost[:5]
        assert not found.astray, found.astray[:5]
        assert not found.unlike, found.unlike[:5]
        assert totals.accepted == totals.sent + totals.skipped + totals.dead, totals
        assert row.accepted == row.sent + row.skipped + row.dead, row
        assert row.duplicates <= bounds.duplicates, row
        if bounds.counted:
            assert row.duplicates <= row.uncertain, f"a second copy that nobody counted: {row}"
        assert row.dead == bounds.dead, row
        assert row.recovery <= bounds.recovery, row

    @property
    def _unsettled(self) -> str:
        return "; ".join(worker.log[-300:] for worker in self.workers if not worker.alive)

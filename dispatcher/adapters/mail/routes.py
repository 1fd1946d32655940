"""The transport: each message goes over its organization's own relays, or else the instance's.

Never over the instance's because the organization's are away: that would tell another company's
server whom it writes to, and its receivers would see a sender that this server may not use.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from time import monotonic
from typing import Final

from dispatcher.adapters.mail.bulkhead import Bulkhead
from dispatcher.adapters.mail.relay_address import RelayAddress, parse_relays
from dispatcher.adapters.mail.relays import RelayChange, Relays, RelayState
from dispatcher.adapters.mail.smtp_handover import again
from dispatcher.adapters.mail.smtp_limits import PoolLimits, Timeouts
from dispatcher.delivery import Receipt
from dispatcher.errors import ConfigError, OwnRelayFault, RelayFault, SenderUnreadable
from dispatcher.message import Message
from dispatcher.sender import Sender

_CONNECTIONS: Final = 4
"""Most connections to an organization's relay unless its URL asks for another number."""


@dataclass(frozen=True, slots=True)
class RouteLimits:
    """What organizations' own relays may use of a worker.

    Args:
        most: Routes kept open; the one that was not used for longest makes way.
        idle: Seconds without use after which a route is closed.
        places: Deliveries that one route may have under way at once.
        local: Whether such a relay may be on this machine.
    """

    most: int = 64
    idle: float = 300.0
    places: int = 32
    local: bool = False


class Routes:
    """Picks the relays of each message; opens organizations' own when they are first needed.

    Organizations with the same relays and credentials share a route.

    Args:
        addresses: The instance's relays, the preferred one first.
        limits: What may be used of each relay.
        timeouts: How long to wait for each.
        routes: What organizations' own relays may use.
        on_change: Called once when a relay goes away and once when it is back.
        now: Returns seconds of a clock that never goes back.
    """

    def __init__(
        self,
        addresses: tuple[RelayAddress, ...],
        *,
        limits: PoolLimits | None = None,
        timeouts: Timeouts | None = None,
        routes: RouteLimits | None = None,
        on_change: Callable[[RelayChange], None] = lambda _: None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._limits = limits or PoolLimits()
        self._timeouts = timeouts
        self._most = routes or RouteLimits()
        self._on_change = on_change
        self._now = now
        self._usual = self._relays(addresses)
        self._routes: dict[tuple[RelayAddress, ...], _Route] = {}
        self._addresses = lru_cache(maxsize=1024)(self._parsed)
        self._closing: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def deliver(self, message: Message, sender: Sender | None = None) -> Receipt:
        """Return a relay's acceptance.

        Raises:
            SenderUnreadable: The organization's relays cannot be used as they are stored.
            TransportError: No relay took the message; the class says why.
        """
        if sender is None or not sender.relays:
            return await self._usual.deliver(message)
        return await self._route(sender.relays).deliver(message, self._now)

    def is_away(self) -> bool:
        """Tell whether none of the instance's relays takes anything now."""
        return all(state.away for state in self._usual.states())

    def states(self) -> tuple[RelayState, ...]:
        """Return how each relay is doing, the instance's first."""
        routes = (route.relays.states() for route in self._routes.values())
        return (*self._usual.states(), *(state for states in routes for state in states))

    async def close(self, grace: float = 10.0) -> None:
        """Let what is under way end, within *grace* seconds, then close every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        routes = [route.relays.close(grace) for route in self._routes.values()]
        await asyncio.gather(self._usual.close(grace), *routes, *self._closing)

    def _route(self, relays: str) -> "_Route":
        addresses = self._addresses(relays)
        route = self._routes.pop(addresses, None)
        if route is None:
            self._make_room()
            bulkhead = Bulkhead(addresses[0].name, self._most.places)
            route = _Route(self._relays(addresses), bulkhead)
        self._routes[addresses] = route  # the last is the one used last
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(self._most.idle, self._sweep)
        return route

    def _make_room(self) -> None:
        excess = len(self._routes) + 1 - self._most.most
        unused = [key for key, route in self._routes.items() if not route.bulkhead.busy]
        for key in unused[: max(excess, 0)]:
            self._close(key)

    def _sweep(self) -> None:
        horizon = self._now() - self._most.idle
        for key, route in tuple(self._routes.items()):
            if not route.bulkhead.busy and route.used_at <= horizon:
                self._close(key)
        self._sweeper = None
        if self._routes:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(self._most.idle / 2, self._sweep)

    def _close(self, key: tuple[RelayAddress, ...]) -> None:
        relays = self._routes.pop(key).relays
        for state in relays.states():
            if state.away:  # nobody will see it come back
                self._on_change(RelayChange(state.relay, away=False))
        task = asyncio.get_running_loop().create_task(relays.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _relays(self, addresses: tuple[RelayAddress, ...]) -> Relays:
        return Relays(
            addresses,
            limits=self._limits,
            timeouts=self._timeouts,
            on_change=self._on_change,
            now=self._now,
        )

    def _parsed(self, relays: str) -> tuple[RelayAddress, ...]:
        try:
            return tuple(self._restricted(address) for address in parse_relays(relays))
        except ConfigError as error:
            raise SenderUnreadable("its relays cannot be used: set them again") from error

    def _restricted(self, address: RelayAddress) -> RelayAddress:
        return replace(
            address,
            connections=min(address.connections or _CONNECTIONS, self._limits.connections),
            account=account(address),
            elsewhere=not self._most.local,
        )


class _Route:
    """An organization's relays, and the places that deliveries over them may take up."""

    __slots__ = ("bulkhead", "relays", "used_at")

    def __init__(self, relays: Relays, bulkhead: Bulkhead) -> None:
        self.relays = relays
        self.bulkhead = bulkhead
        self.used_at = 0.0

    async def deliver(self, message: Message, now: Callable[[], float]) -> Receipt:
        """Return a relay's acceptance."""
        self.used_at = now()
        await self.bulkhead.enter()
        try:
            return await self.relays.deliver(message)
        except RelayFault as fault:
            raise again(fault, OwnRelayFault) from fault
        finally:
            self.bulkhead.leave()


def account(address: RelayAddress) -> str:
    """Return what tells a user of a relay from others in logs, without naming it."""
    if not address.username:
        return ""
    return blake2b(address.username.encode(), digest_size=3, person=b"account").hexdigest()

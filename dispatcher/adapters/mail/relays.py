"""Relays in order of preference, each behind a breaker."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from dispatcher.adapters.mail.pace import Pace
from dispatcher.adapters.mail.pool import Counts, Pool
from dispatcher.adapters.mail.pool_line import NoFreeConnection
from dispatcher.adapters.mail.relay_address import RelayAddress
from dispatcher.adapters.mail.smtp_handover import Unheard, again
from dispatcher.adapters.mail.smtp_limits import PoolLimits, Timeouts
from dispatcher.breaker import Breaker
from dispatcher.delivery import Receipt
from dispatcher.errors import RelayFault, Throttled, TransientTransportError, TransportError
from dispatcher.message import Message


@dataclass(frozen=True, slots=True)
class RelayChange:
    """A relay went away or came back.

    Args:
        relay: Its name.
        away: Whether its breaker is open now.
        reason: What was wrong when it went away; no address in it.
    """

    relay: str
    away: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RelayState:
    """How a relay is doing.

    Args:
        relay: Its name.
        away: Whether its breaker is open.
        connections: How many there are.
        rate: How many messages per second it gets at most, or inf.
        certificate_ends: When its certificate ends, in seconds since 1970, as it was seen last.
        reason: What was wrong when its breaker opened; "" while it is closed.
    """

    relay: str
    away: bool
    connections: Counts
    rate: float
    certificate_ends: float | None = None
    reason: str = ""


class Relays:
    """Hands each message to the first relay that can take it.

    Another relay is tried only while the message was not handed over: a fault of the
    relay itself. An outage costs one probe at a time; everything else fails at once,
    without touching the network.

    Args:
        addresses: The relays, the preferred one first.
        limits: What may be used of each.
        timeouts: How long to wait for each.
        on_change: Called once when a relay goes away and once when it is back.
        now: Returns seconds of a clock that never goes back.
    """

    def __init__(
        self,
        addresses: Sequence[RelayAddress],
        *,
        limits: PoolLimits | None = None,
        timeouts: Timeouts | None = None,
        on_change: Callable[[RelayChange], None] = lambda _: None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        limits, timeouts = limits or PoolLimits(), timeouts or Timeouts()
        self._relays = tuple(
            _Relay(address, limits, timeouts, on_change, now) for address in addresses
        )

    async def deliver(self, message: Message) -> Receipt:
        """Return the acceptance of the first relay that can take the message.

        Raises:
            TransportError: None took it; the class says why.
        """
        fault = RelayFault("every relay is away")
        for relay in self._relays:
            if not (relay.breaker.is_open or relay.pace.passes()):
                await relay.pace.turn()
            if not relay.breaker.permits():
                fault = again(relay.fault)
                continue
            try:
                return await relay.deliver(message)
            except RelayFault as error:
                fault = error
        raise fault

    def states(self) -> tuple[RelayState, ...]:
        """Return how each relay is doing, the preferred one first."""
        return tuple(
            RelayState(
                relay.name,
                relay.breaker.is_open,
                relay.pool.counts(),
                relay.pace.rate,
                relay.pool.certificate_ends,
                relay.fault.reason if relay.breaker.is_open else "",
            )
            for relay in self._relays
        )

    async def close(self, grace: float = 10.0) -> None:
        """Let what is under way end, within *grace* seconds, then close every connection."""
        await asyncio.gather(*(relay.pool.close(grace) for relay in self._relays))


class _Relay:
    """One relay: its pool, its pace, its breaker, and what was last wrong with it."""

    __slots__ = ("_on_change", "breaker", "fault", "name", "pace", "pool")

    def __init__(
        self,
        address: RelayAddress,
        limits: PoolLimits,
        timeouts: Timeouts,
        on_change: Callable[[RelayChange], None],
        now: Callable[[], float],
    ) -> None:
        limits = replace(
            limits,
            connections=address.connections or limits.connections,
            messages=address.messages or limits.messages,
        )
        self.name = address.name
        self.pool = Pool(address, limits=limits, timeouts=timeouts)
        self.pace = Pace(address.name, address.rate, timeouts.slot)
        self.breaker = Breaker(self._changed, now=now)
        self.fault = RelayFault("the relay is away", relay=self.name)
        self._on_change = on_change

    async def deliver(self, message: Message) -> Receipt:
        """Return the relay's acceptance, and tell the breaker how it went."""
        try:
            receipt = await self.pool.deliver(message)
        except TransportError as error:
            self._note(error)
            raise
        except BaseException:
            self.breaker.withdrawn()
            raise
        self.breaker.passed()
        return receipt

    def _note(self, error: TransportError) -> None:
        silent = isinstance(error, TransientTransportError) and error.code is None
        if isinstance(error, RelayFault) and not isinstance(error, NoFreeConnection):
            self.fault = again(error)
            self.breaker.failed()
        elif isinstance(error, Unheard):
            self.breaker.withdrawn()
        elif silent:
            self.fault = RelayFault(error.reason, phase=error.phase, relay=self.name)
            self.breaker.silent()
        else:
            if isinstance(error, Throttled):
                self.pace.slow_down()
            self.breaker.passed()

    def _changed(self, away: bool) -> None:  # noqa: FBT001 - the breaker's callback
        if away:
            self.pace.release()
        self._on_change(RelayChange(self.name, away, self.fault.reason if away else ""))

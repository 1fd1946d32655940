"""A relay's connections: as many as the work asks for and the relay bears."""

import asyncio
from dataclasses import dataclass

from dispatcher.adapters.mail.connection import Connection, Ending
from dispatcher.adapters.mail.pool_allowance import Allowance, is_crowded
from dispatcher.adapters.mail.pool_line import Line, NoFreeConnection
from dispatcher.adapters.mail.relay_address import RelayAddress
from dispatcher.adapters.mail.smtp_conversation import Orphan
from dispatcher.adapters.mail.smtp_handover import Handover
from dispatcher.adapters.mail.smtp_limits import PoolLimits, Timeouts
from dispatcher.adapters.mail.smtp_session import SessionOpener
from dispatcher.delivery import Phase, Receipt
from dispatcher.errors import RelayFault
from dispatcher.judge import asks_for_less
from dispatcher.message import Message


@dataclass(frozen=True, slots=True)
class Counts:
    """How many connections a pool has, by what they do, and how many messages wait for one."""

    busy: int
    idle: int
    opening: int
    waiting: int


class Pool:
    """Hands messages to one relay over as few connections as keep up.

    Messages wait in one line and are taken by whichever connection has room next.
    The first connection is opened alone, then their number doubles; once the relay
    turned one away, they are as many as it bore, and one more is tried now and then.

    Args:
        address: The relay.
        limits: What may be used of it.
        timeouts: How long to wait for it.
    """

    def __init__(
        self,
        address: RelayAddress,
        *,
        limits: PoolLimits | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._relay = address.name
        self._limits = limits or PoolLimits()
        self._timeouts = timeouts or Timeouts()
        self._opener = SessionOpener(address, self._timeouts)
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Future[None]] = set()
        self._line = Line(self._relay, self._timeouts.slot)
        self._allowance = Allowance(self._limits.connections)
        self._held: asyncio.TimerHandle | None = None
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False
        self.certificate_ends: float | None = None

    async def deliver(self, message: Message) -> Receipt:
        """Return the relay's acceptance of the message.

        Cancelled after the final dot, it still gives the relay a moment to answer: what
        may have been sent must not be taken for unsent.

        Raises:
            TransportError: The relay did not take it; the class says why.
        """
        if self._closed:
            raise NoFreeConnection("the pool is closed", phase=Phase.CONNECT, relay=self._relay)
        loop = asyncio.get_running_loop()
        started = loop.time()
        handover = Handover(message, loop.create_future(), started)
        if self._idle:
            self._idle.pop().start(handover)
        else:
            self._join_line(handover)
        try:
            reply = await handover.verdict
        except asyncio.CancelledError:
            if not handover.handed_over:
                raise
            reply = await handover.last_word(self._relay)
        return Receipt(self._relay, reply.code, loop.time() - started)

    def counts(self) -> Counts:
        """Return how many connections there are."""
        idle, waiting = len(self._idle), len(self._line)
        return Counts(len(self._connections) - idle, idle, len(self._opening), waiting)

    async def close(self, grace: float = 10.0) -> None:
        """Let what is under way end, within *grace* seconds, then close everything."""
        self._closed = True
        deadline = asyncio.get_running_loop().time() + grace
        for connection in tuple(self._idle):
            connection.retire()
        while (open_ends := self._open_ends()) and (
            left := deadline - asyncio.get_running_loop().time()
        ) > 0:
            await asyncio.wait(open_ends, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        self._line.refuse(NoFreeConnection("the pool is closed", relay=self._relay))
        for task in tuple(self._opening):
            task.cancel()
        for connection in tuple(self._connections):
            connection.abort()
        if open_ends := self._open_ends():
            await asyncio.wait(open_ends, timeout=self._timeouts.farewell + 1.0)
        self._line.close()
        for timer in (self._held, self._reaper):
            if timer is not None:
                timer.cancel()

    def next_for(self, connection: Connection) -> Handover | None:
        """Return the next waiting message, unless the connection is worn."""
        return None if self._is_worn(connection) else self._line.take()

    def idled(self, connection: Connection) -> None:
        """Keep the connection for the next message, or let it go."""
        if self._closed or self._is_worn(connection):
            connection.retire()
            return
        if connection not in self._idle:
            self._idle.append(connection)
        if self._reaper is None:
            self._reaper = self._loop().call_later(self._limits.idle, self._reap)

    def rescued(self, handover: Handover) -> None:
        """Put a message back to the head of the line."""
        self._line.put_back(handover)
        self._serve_waiting()

    def ended(self, connection: Connection, orphan: Orphan | None) -> None:
        """Forget the connection; move the message it had not sent, or say what happened to it."""
        self._connections.discard(connection)
        self._leaving.add(connection.closed)
        connection.closed.add_done_callback(self._leaving.discard)
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.parting and is_crowded(connection.parting.text):
            self._allowance.refused(len(self._connections), self._loop().time())
        if orphan is not None:
            self._place(orphan, connection.ending)
        self._serve_waiting()

    def _place(self, orphan: Orphan, ending: Ending) -> None:
        handover = orphan.handover
        moves = self._limits.moves
        if not orphan.behind:
            moves = {Ending.WORN: moves, Ending.UNTRIED: min(moves, 1), Ending.SILENT: 0}[ending]
        if orphan.reply and asks_for_less(orphan.reply.text.decode(errors="replace")):
            moves = 0  # another connection would be no answer to that
        if handover.moves < moves and not self._closed:
            handover.moves += 1
            self._line.put_back(handover)
        else:
            handover.refuse(orphan.phase, self._relay, orphan.reply, orphan.why)

    def _join_line(self, handover: Handover) -> None:
        self._line.append(handover)
        if len(self._line) == 1:
            self._serve_waiting()
        else:
            self._grow()  # others wait already: no connection has room

    def _serve_waiting(self) -> None:
        while self._idle and (handover := self._line.take()):
            self._idle.pop().start(handover)
        if not self._line:
            return
        self._grow()
        if self._opening:
            return
        for connection in tuple(self._connections):
            if connection.has_room and (handover := self.next_for(connection)):
                connection.start(handover)

    def _grow(self) -> None:
        live, opening = len(self._connections), len(self._opening)
        if self._closed or live + opening >= self._limits.connections:
            return
        now = self._loop().time()
        room = self._allowance.at(now) - live - opening
        wanted = min(len(self._line) - opening, room, max(live, 1) - opening)
        if room <= 0 and self._held is None and (pause := self._allowance.pause(now)):
            self._held = self._loop().call_later(pause, self._release_growth)
        for _ in range(wanted):
            task = self._loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        try:
            session = await self._opener.open()
        except RelayFault as fault:
            self._not_opened(fault)
            return
        finally:
            self._opening.discard(asyncio.current_task())
        self.certificate_ends = session.certificate_ends
        connection = Connection(self._relay, session, self._timeouts, self)
        self._connections.add(connection)
        self._allowance.opened(len(self._connections), self._loop().time())
        connection.attach()
        self._serve_waiting()

    def _not_opened(self, fault: RelayFault) -> None:
        self._opening.discard(asyncio.current_task())
        if not self._connections and not self._opening:
            self._line.refuse(fault)
            return
        if self._connections:
            self._allowance.refused(len(self._connections), self._loop().time())
        self._serve_waiting()

    def _release_growth(self) -> None:
        self._held = None
        self._serve_waiting()

    def _reap(self) -> None:
        self._reaper = None
        horizon = self._loop().time() - self._limits.idle
        for connection in [c for c in self._idle if c.quiet_since <= horizon]:
            connection.retire()
        if self._idle:
            oldest = min(connection.quiet_since for connection in self._idle)
            self._reaper = self._loop().call_later(max(oldest - horizon, 0.01), self._reap)

    def _is_worn(self, connection: Connection) -> bool:
        limits = self._limits
        if not connection.taken:
            return False
        if limits.messages and connection.taken >= limits.messages:
            return True
        return self._loop().time() - connection.opened_at >= limits.age

    def _open_ends(self) -> set[asyncio.Future[None]]:
        return {*self._opening, *self._leaving, *(c.closed for c in self._connections)}

    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

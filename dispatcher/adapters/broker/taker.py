"""Take messages in batches, settle them in batches, and wait without polling: one connection."""

import logging
from collections import deque
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic
from typing import Any, Final

import hiredis
from redis.exceptions import ConnectionError as BrokerConnectionError

from dispatcher.adapters.broker.demand import Demand, Receive, Terms
from dispatcher.adapters.broker.envelope import Malformed, open_envelope
from dispatcher.adapters.broker.keys import TAG_MARK, Keys
from dispatcher.adapters.broker.message import Message
from dispatcher.adapters.broker.qos import QoS
from dispatcher.adapters.broker.scripts import NO_SCRIPT
from dispatcher.adapters.broker.take import TAKE_SCRIPT, Take
from dispatcher.adapters.broker.wire import Command, Wire

_log: Final = logging.getLogger(__name__)

#: Part of a lease after which a reply is too old to act on: the process was stopped in between.
_FRESH: Final = 0.75


@dataclass(frozen=True, slots=True)
class _Expected:
    """A reply that is still to come, and what the command was about."""

    sent_at: float
    take: Take | None = None
    acked: tuple[str, ...] = ()


class Taker:
    """The taking side of one channel.

    Waiting: the take script reads the lists it found empty, which makes the server tell this
    connection when one of them changes (CLIENT TRACKING). Nothing blocks, nothing is moved while
    waiting, every list of every queue is covered, and whatever dies, dies with nothing in hand.
    """

    def __init__(self, qos: QoS, keys: Keys, terms: Terms, channel: Any) -> None:  # noqa: ANN401 -- kombu ships no types
        self._qos, self._keys, self._terms, self._channel = qos, keys, terms, channel
        self._wire: Wire | None = None
        self._expected: deque[_Expected] = deque()
        self._arrived: deque[Message] = deque()
        self._demand = Demand(keys, terms)
        self._is_taking = False
        self._is_told = True
        self._spoke_at = 0.0
        self._prefix = f"{TAG_MARK}{token_hex(8)}."
        self._next = 1
        self.heard_at = monotonic()

    def consume(self, queue: str, receive: Receive) -> None:
        """Take from a queue from now on; each message is given to `receive`."""
        self._demand.add(queue, receive)

    def cancel(self, queue: str) -> None:
        """Take no more from a queue."""
        self._demand.remove(queue)

    def attach(self, connection: Any) -> None:  # noqa: ANN401 -- any redis-py connection class
        """Use a connection that was just opened."""
        self.detach()
        self._wire = Wire(connection)
        self._demand.note_changed()
        track = ("CLIENT", "TRACKING", "ON", "NOLOOP")
        self._send([track, ("SCRIPT", "LOAD", TAKE_SCRIPT.text)], now=monotonic())

    def detach(self) -> None:
        """Forget the connection; what it did not confirm is owed again."""
        self._wire = None
        self._is_taking = False
        while self._expected:
            expected = self._expected.popleft()
            self._qos.owe(expected.acked)
            if expected.take is not None:
                self._qos.give_back(expected.take.tags())

    def tick(self) -> None:
        """Deliver, settle and take whatever there is to, in one write.

        Raises:
            redis.exceptions.ConnectionError: The broker is gone or has not answered in time.
        """
        self._deliver()
        if self._wire is None or not self._wire.is_open:
            return
        now = monotonic()
        self._check_answers(now)
        is_quiet = now - self._spoke_at > self._terms.heartbeat
        if is_quiet or not self._is_told:
            self._demand.note_changed()
        commands, acked = self._qos.settlement(self._keys) if self._qos.owes else ([], [])
        take = None
        if not self._is_taking:
            take = self._demand.take(self._qos, self._prefix, self._next)
        if take is not None:
            self._next += sum(take.pots)
            commands.append(take.command(self._keys, self._terms.message_bytes))
        elif is_quiet and not commands:
            commands.append(("PING",))
        if commands:
            self._send(commands, now=now, acked=acked, take=take)

    def on_readable(self) -> bool:
        """Act on what the server sent; return whether messages were delivered.

        Raises:
            redis.exceptions.ConnectionError: The broker closed the connection.
        """
        if self._wire is None:
            return False
        self._read(self._wire)
        return self._deliver()

    def finish(self, deadline: float) -> None:
        """Read what is outstanding, note to give it back, and let go of the connection.

        Args:
            deadline: Monotonic time until which to wait.
        """
        try:
            while self._expected and self._wire is not None and self._wire.is_open:
                if not self._wire.wait(max(deadline - monotonic(), 0.0)):
                    break
                self._read(self._wire)
        except (OSError, BrokerConnectionError):
            _log.debug("The broker connection ended before its last replies.")
        self.detach()
        self._arrived.clear()

    def _send(
        self,
        commands: list[Command],
        *,
        now: float,
        acked: list[str] | None = None,
        take: Take | None = None,
    ) -> None:
        if self._wire is None:
            return
        for position in range(len(commands)):
            is_last = position == len(commands) - 1
            owed = tuple(acked) if acked and position == 0 else ()
            self._expected.append(_Expected(now, take if is_last else None, owed))
        self._is_taking = self._is_taking or take is not None
        self._spoke_at = now
        self._wire.send(commands)

    def _read(self, wire: Wire) -> None:
        replies = wire.read()
        self.heard_at = monotonic()
        for reply in replies:
            if isinstance(reply, hiredis.PushNotification):
                self._on_push(reply)
            elif self._expected:
                self._on_reply(self._expected.popleft(), reply)

    def _on_push(self, push: list[Any]) -> None:
        if push[0] == b"invalidate":
            self._demand.note_changed(push[1])

    def _on_reply(self, expected: _Expected, reply: Any) -> None:  # noqa: ANN401 -- RESP is anything
        take = expected.take
        if take is not None:
            self._is_taking = False
        if isinstance(reply, hiredis.ReplyError):
            self._on_error(expected, str(reply))
        elif take is not None:
            self._demand.note_dry(take.dry(reply))
            self._demand.note_capped(take.capped(reply))
            arrivals = take.arrivals(reply)
            if monotonic() - expected.sent_at > self._terms.lease * _FRESH:
                self._qos.give_back([tag for _, tag, _ in arrivals])
            else:
                for queue, tag, raw in arrivals:
                    self._open(queue, tag, raw)

    def _on_error(self, expected: _Expected, error: str) -> None:
        if error.startswith(NO_SCRIPT) and self._wire is not None:
            self._send([("SCRIPT", "LOAD", TAKE_SCRIPT.text)], now=monotonic())
        elif expected.take is None and not expected.acked and "TRACKING" in error.upper():
            _log.warning("The broker cannot tell when a queue fills; asking it every second.")
            self._is_told = False
        else:
            # Full, read-only, loading, without a primary: what a reconnect may mend and will meet
            # again otherwise. Only the error's first word: the rest may quote arguments.
            self._qos.owe(expected.acked)
            raise BrokerConnectionError(f"The broker refused: {error.partition(' ')[0]}.")

    def _open(self, queue: str, tag: str, raw: bytes) -> None:
        try:
            envelope = open_envelope(raw, self._terms.tasks)
        except Malformed as malformed:
            _log.warning("Put a message of queue %s aside: %s.", queue, malformed.reason)
            self._qos.quarantine(tag, malformed.reason, queue)
        else:
            message = Message(envelope, self._channel, tag, queue)
            self._qos.append(message, tag)
            self._arrived.append(message)

    def _deliver(self) -> bool:
        """Hand out what arrived; what an exception interrupts is handed out by the next call."""
        delivered = False
        while self._arrived:
            message = self._arrived.popleft()
            receive = self._demand.receiver(message.queue)
            if receive is None:
                message.requeue()
            else:
                receive(message)
            delivered = True
        return delivered

    def _check_answers(self, now: float) -> None:
        overdue = self._terms.overdue
        if not self._expected or now - self._expected[0].sent_at < overdue:
            return
        if self._wire is not None and not self._wire.wait(0.0):
            _log.warning("The broker has not answered for %.1f s; reconnecting.", overdue)
            self._wire.close()
            raise BrokerConnectionError("The broker does not answer.")

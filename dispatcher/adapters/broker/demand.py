"""Which queues to ask for messages, and for how many."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dispatcher.adapters.broker.keys import Keys
from dispatcher.adapters.broker.message import Message
from dispatcher.adapters.broker.qos import QoS
from dispatcher.adapters.broker.take import UNSHARED, Take

Receive = Callable[[Message], object]

#: Seconds; a busy machine is not a broken link, however short the leases are.
_SHORTEST_HEARTBEAT: Final = 1.0


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms messages are taken.

    Attributes:
        lease: Seconds after which what nobody renews goes back to its queue.
        reserved: Queues with credit of their own, taken first, in this order.
        tasks: Names of tasks that may be called; None allows any.
        message_bytes: Largest message taken; a larger one is put aside on the server.
        is_fair: Whether organizations take turns where a queue is long.
    """

    lease: float
    reserved: dict[str, int]
    tasks: frozenset[str] | None
    message_bytes: int
    is_fair: bool

    @property
    def heartbeat(self) -> float:
        """Seconds of silence after which the server is asked for a sign of life."""
        return max(self.lease / 4, _SHORTEST_HEARTBEAT)

    @property
    def overdue(self) -> float:
        """Seconds without any answer after which a connection is half-open, not slow."""
        return 3 * self.heartbeat


class Demand:
    """The queues that are consumed, their order, and which of them are known to be empty."""

    def __init__(self, keys: Keys, terms: Terms) -> None:
        self._keys, self._reserved, self._is_fair = keys, terms.reserved, terms.is_fair
        self._receivers: dict[str, Receive] = {}
        self._queue_of: dict[bytes, str] = {}
        self._order: list[str] = []
        self._dry: set[str] = set()
        self._capped: set[str] = set()

    def add(self, queue: str, receive: Receive) -> None:
        """Consume a queue; each of its messages is given to `receive`."""
        self._receivers[queue] = receive
        for key in (*self._keys.lists(queue), self._keys.ring(queue)):
            self._queue_of[key.encode()] = queue
        reserved = [name for name in self._reserved if name in self._receivers]
        self._order = reserved + [name for name in self._receivers if name not in reserved]

    def remove(self, queue: str) -> None:
        """Consume a queue no more."""
        if self._receivers.pop(queue, None) is not None:
            self._order.remove(queue)
            self._dry.discard(queue)
            self._capped.discard(queue)

    def receiver(self, queue: str) -> Receive | None:
        """Return who is given the messages of a queue."""
        return self._receivers.get(queue)

    def note_dry(self, queues: set[str]) -> None:
        """Ask these queues for nothing until they change: the server tells when they do."""
        self._dry |= queues

    def note_capped(self, queues: set[str]) -> None:
        """Ask these queues for nothing until they change, or the foremost may have more."""
        self._capped |= queues

    def note_changed(self, keys: list[bytes] | None = None) -> None:
        """Ask these keys' queues again; all of them for None."""
        if keys is None:
            self._dry.clear()
            self._capped.clear()
        else:
            changed = [self._queue_of.get(key, "") for key in keys]
            self._dry.difference_update(changed)
            self._capped.difference_update(changed)

    def take(self, qos: QoS, prefix: str, first: int) -> Take | None:
        """Return what to ask for now, or None: no credit, or nothing there.

        Args:
            qos: Says how much credit there is.
            prefix: What the tags of this process start with.
            first: Number of the first message's tag.
        """
        pots, asked = [max(qos.credit(None, self._reserved), 0)], []
        share = qos.share(self._reserved) if self._is_fair else UNSHARED
        if share.its_limit:
            self._capped.clear()
        for queue in self._order:
            if queue in self._dry or queue in self._capped:
                continue
            pot = 0
            if queue in self._reserved:
                pot = len(pots)
                pots.append(max(qos.credit(queue, self._reserved), 0))
            if pots[pot]:
                asked.append((queue, pot))
        if not asked:
            return None
        self._rotate()
        return Take(prefix, first, tuple(asked), tuple(pots), share)

    def _rotate(self) -> None:
        """Let queues that share credit take turns at being first."""
        if self._order[-1] not in self._reserved:
            turn = sum(name in self._reserved for name in self._order)
            self._order.insert(turn, self._order.pop())

"""What this process holds: which messages, how much credit is left, and what must be settled."""

from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from json import dumps
from operator import itemgetter
from typing import Any, Final, TypeVar

from kombu.transport import virtual

from dispatcher.adapters.broker.keys import Keys
from dispatcher.adapters.broker.scripts import script
from dispatcher.adapters.broker.take import Share
from dispatcher.adapters.broker.wire import Command

#: Messages held at most when the consumer set no prefetch count, which means "no limit" in AMQP.
_UNBOUNDED: Final = 1000
#: One part in so many of the credit is never one organization's: however its relay dawdles, the
#: next one's message is taken at once.
_SPARE: Final = 16

_Note = TypeVar("_Note")


class QoS(virtual.QoS):  # type: ignore[misc]  # kombu ships no types
    """Credit and settlement of one channel's messages.

    Settling (acknowledge, give back, put aside) returns the credit at once and only notes what to
    tell the broker. The taker sends the notes with its next write, so a failing broker can neither
    leak credit nor raise into a task; what could not be sent stays noted. Any thread may settle.
    """

    def __init__(self, channel: Any, prefetch_count: int = 0) -> None:  # noqa: ANN401 -- kombu ships no types
        super().__init__(channel, prefetch_count)
        self._in_flight: Counter[str] = Counter()
        self._by_lane: Counter[tuple[str, str]] = Counter()
        self._acked: deque[str] = deque()
        self._returned: deque[str] = deque()
        self._quarantined: deque[tuple[str, str]] = deque()

    @property
    def held(self) -> list[str]:
        """Tags of what is held, oldest first."""
        return list(self._delivered)

    @property
    def owes(self) -> bool:
        """Whether anything settled was not yet told to the broker."""
        return bool(self._acked or self._returned or self._quarantined)

    def credit(self, queue: str | None, reserved: dict[str, int]) -> int:
        """Return how many more messages may be taken.

        Args:
            queue: A queue with credit of its own; None asks for the credit all others share.
            reserved: Queues with credit of their own, and how much.
        """
        if queue is not None:
            return reserved[queue] - self._in_flight[queue]
        if not self.can_consume():
            return 0
        return self._most - self._shared(reserved)

    def share(self, reserved: dict[str, int]) -> Share:
        """Return how much of the shared credit one organization may use now.

        Messages of nobody in particular may use all of it.

        Args:
            reserved: Queues with credit of their own; what came from them counts for nobody.
        """
        cap = self._most - self._most // _SPARE
        lanes = [
            item for item in self._by_lane.items() if item[0][0] not in reserved and item[0][1]
        ]
        (_, foremost), held = max(lanes, key=itemgetter(1), default=(("", ""), 0))
        # What any other holds is at most what the foremost does, and at most all the rest.
        other = min(held, max(self._shared(reserved) - held, 0))
        return Share(foremost, max(cap - held, 0), max(cap - other, 0))

    def can_consume(self) -> bool:
        """Return True: how much may be taken is `credit`'s business. Celery may replace this."""
        return True

    def append(self, message: Any, delivery_tag: str) -> None:  # noqa: ANN401 -- kombu ships no types
        """Hold a taken message; its in-flight entry exists already."""
        self._delivered[delivery_tag] = message
        self._in_flight[message.queue] += 1
        self._by_lane[message.queue, message.lane] += 1

    def ack(self, delivery_tag: str) -> None:
        """Settle a message that is done."""
        if self._release(delivery_tag):
            self._acked.append(delivery_tag)
            self.channel.stir()

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 -- kombu's signature
        """Settle a message that is not wanted: back to its queue, or gone."""
        if self._release(delivery_tag):
            (self._returned if requeue else self._acked).append(delivery_tag)
            self.channel.stir()

    def quarantine(self, delivery_tag: str, reason: str, queue: str | None = None) -> None:
        """Settle a message that cannot be run by putting it aside with the reason."""
        message = self._release(delivery_tag)
        if message is not None:
            queue = message.queue
        self._quarantined.append((delivery_tag, dumps({"reason": reason, "queue": queue or ""})))
        self.channel.stir()

    def give_back(self, tags: Iterable[str]) -> None:
        """Return messages to their queues, whether they were handed out yet or not."""
        for tag in tags:
            self._release(tag)
            self._returned.append(tag)

    def settlement(self, keys: Keys) -> tuple[list[Command], list[str]]:
        """Take what is noted as commands, and the tags that the first of them acknowledges."""
        commands: list[Command] = []
        acked = _drain(self._acked)
        if acked:
            text = script("settle").text
            commands.append(("EVAL", text, 2, keys.unacked, keys.unacked_index, *acked))
        if returned := _drain(self._returned):
            text = script("give_back").text
            # Tags of one process sort by age.
            commands.append(("EVAL", text, 5, *keys.bookkeeping, *keys.homing, *sorted(returned)))
        if quarantined := _drain(self._quarantined):
            text = script("quarantine").text
            flat = [part for pair in quarantined for part in pair]
            commands.append(("EVAL", text, 5, *keys.bookkeeping, *flat))
        return commands, acked

    def owe(self, tags: Iterable[str]) -> None:
        """Note acknowledgements again whose sending came to nothing."""
        self._acked.extend(tags)

    def restore_unacked(self) -> list[Any]:
        """Note that everything held goes back to its queue."""
        self.give_back(self.held)
        return []

    def restore_unacked_once(self, stderr: Any = None) -> None:  # noqa: ANN401, ARG002 -- kombu's signature
        """Do nothing: the channel gives back on close, and leases lapse when it could not.

        kombu's version dumps messages into a temporary file when the broker is away.
        """
        self._on_collect.cancel()

    @property
    def _most(self) -> int:
        return self.prefetch_count or _UNBOUNDED

    def _shared(self, reserved: dict[str, int]) -> int:
        return len(self._delivered) - sum(self._in_flight[name] for name in reserved)

    def _release(self, tag: str) -> Any:  # noqa: ANN401 -- kombu ships no types
        message = self._delivered.pop(tag, None)
        if message is not None:
            self._in_flight[message.queue] -= 1
            lane = (message.queue, message.lane)
            self._by_lane[lane] -= 1
            if not self._by_lane[lane]:
                del self._by_lane[lane]
        return message


def _drain(notes: deque[_Note]) -> list[_Note]:
    taken: list[_Note] = []
    with suppress(IndexError):
        while True:
            taken.append(notes.popleft())
    return taken

"""One request for messages: what is asked of the broker, and what its reply means."""

from collections.abc import Iterator
from dataclasses import dataclass
from json import dumps
from typing import Any, Final

from dispatcher.adapters.broker.keys import Keys
from dispatcher.adapters.broker.scripts import Script, script
from dispatcher.adapters.broker.wire import Command

TAKE_SCRIPT: Final[Script] = script("take")
#: Most bytes of messages in one reply; one message may exceed it.
_REPLY_BYTES: Final = 4 << 20


#: States of a queue in the script's reply.
_EMPTY: Final = 1
_CAPPED: Final = 2
#: More than there ever is.
_ANY: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the shared credit one organization may use, so that some is left for others.

    Attributes:
        foremost: The organization of which most is held here.
        its_limit: How many more of its messages may be taken.
        limit: How many more of any other organization's.
        short: Length up to which a queue is taken in the order of arrival.
    """

    foremost: str
    its_limit: int
    limit: int
    short: int = 512


#: Everything in the order of arrival, whoever's it is.
UNSHARED: Final = Share("", _ANY, _ANY, _ANY)


@dataclass(frozen=True, slots=True)
class Take:
    """A request for messages of several queues.

    Attributes:
        prefix: What the tags of this process start with.
        first: Number of the first message's tag; numbers up to `first + sum(pots)` are spoken for.
        asked: Queues in the order they are taken from, each with the pot its credit comes from.
        pots: Credit per pot; the first is the one that queues share.
        share: What one organization may have of the first pot.
    """

    prefix: str
    first: int
    asked: tuple[tuple[str, int], ...]
    pots: tuple[int, ...]
    share: Share

    def command(self, keys: Keys, message_bytes: int) -> Command:
        """Return the script call that takes."""
        names: list[str] = []
        queues: list[str | bytes | int | float] = []
        for queue, pot in self.asked:
            lists = keys.lists(queue)
            names.extend(lists)
            queues.extend((pot + 1, len(lists), dumps(queue)))
        call: list[str | bytes | int | float] = ["EVALSHA", TAKE_SCRIPT.digest, 5 + len(names)]
        call += [*keys.bookkeeping, *names]
        call += [self.prefix, self.first, message_bytes, _REPLY_BYTES]
        share = self.share
        call += [share.foremost, share.its_limit, share.limit, share.short]
        call += [len(self.pots), *self.pots, *queues]
        return tuple(call)

    def arrivals(self, reply: list[Any]) -> Iterator[tuple[str, str, bytes]]:
        """Yield queue, tag and raw bytes of each message in the script's reply."""
        number = self.first
        for (queue, _), messages in zip(self.asked, reply[: len(self.asked)], strict=True):
            for raw in messages:
                yield queue, self._tag(number), raw
                number += 1

    def tags(self) -> list[str]:
        """Return every tag this request may have given out."""
        return [self._tag(number) for number in range(self.first, self.first + sum(self.pots))]

    def dry(self, reply: list[Any]) -> set[str]:
        """Return the queues that came up empty, of which the server will tell when they fill."""
        return self._in_state(reply, _EMPTY)

    def capped(self, reply: list[Any]) -> set[str]:
        """Return the queues where only organizations are left that have all they may."""
        return self._in_state(reply, _CAPPED)

    def _in_state(self, reply: list[Any], state: int) -> set[str]:
        states = reply[len(self.asked) :]
        return {queue for (queue, _), its in zip(self.asked, states, strict=True) if its == state}

    def _tag(self, number: int) -> str:
        # Tags of one process sort by age, which is the order they are given back in.
        return f"{self.prefix}{number:012d}"

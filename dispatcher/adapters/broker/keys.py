"""What the broker's keys are called: kombu's names, and some of our own."""

from dataclasses import dataclass
from json import dumps
from typing import Final

#: Every in-flight tag of ours starts so; a stock worker's are UUIDs.
TAG_MARK: Final = "nd."

#: Hash, id to meta (JSON), line feed, raw bytes.
QUARANTINE: Final = "nd:quarantine"
#: Sorted set, id to the server time it was put aside.
QUARANTINE_INDEX: Final = "nd:quarantine_index"
#: Hash: `bytes` kept, and by `unlisted:` and a reason how many were only counted.
QUARANTINE_TOTALS: Final = "nd:quarantine_totals"
#: Sorted set, process that takes to the server time of its last sign of life.
_TAKERS: Final = "nd:takers"


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of one broker's keys, prefix included.

    Attributes:
        prefix: kombu's `global_keyprefix`, in front of every key.
        separator: Between a queue's name and a priority step.
        steps: Priority steps, ascending; step 0 is the bare queue name and is taken first.
        unacked: Hash, tag to in-flight entry.
        unacked_index: Sorted set, tag to the server time of its last sign of life.
    """

    prefix: str
    separator: str
    steps: tuple[int, ...]
    unacked: str
    unacked_index: str

    @property
    def bookkeeping(self) -> tuple[str, ...]:
        """The five keys that every script starts with."""
        aside = (QUARANTINE, QUARANTINE_INDEX, QUARANTINE_TOTALS)
        return self.unacked, self.unacked_index, *[f"{self.prefix}{key}" for key in aside]

    @property
    def takers(self) -> str:
        """The key that names the processes that take, and know lanes."""
        return f"{self.prefix}{_TAKERS}"

    @property
    def homing(self) -> tuple[str, str, str]:
        """The arguments by which scripts find the list that an entry came from."""
        return self.prefix, self.separator, dumps(self.steps)

    def ring(self, queue: str) -> str:
        """Return the key of the ring of a queue's lanes: organization to turn."""
        return f"{self.prefix}{queue}:lanes"

    def lane(self, queue: str, organization: str) -> str:
        """Return the key of the list with one organization's messages."""
        return f"{self.prefix}{queue}:lane:{organization}"

    def lists(self, queue: str) -> tuple[str, ...]:
        """Return the keys of a queue's lists in the order they are taken from."""
        return tuple(
            f"{self.prefix}{queue}{self.separator}{step}" if step else f"{self.prefix}{queue}"
            for step in self.steps
        )
